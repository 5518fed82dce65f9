"""Separate processes, where torch, unsloth and transformers live."""
