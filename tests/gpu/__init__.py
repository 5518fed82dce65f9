"""Checks that need a graphics card: `python launch.py --test --gpu [CHECK ...]`. No part of the usual ones."""
