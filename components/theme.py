"""Colours and type: one accent, system fonts, contrast that passes WCAG AA in light and dark."""

from __future__ import annotations

import gradio as gr

from studio.workspace import ASSETS


def build_theme() -> gr.themes.Base:
    """Each colour set here is one that failed in Gradio's own theme under axe-core."""
    return gr.themes.Base(
        primary_hue="indigo",
        neutral_hue="slate",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_label_text_color="*neutral_700",
        block_title_text_color="*neutral_800",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_text_color="white",
        button_primary_background_fill_dark="*primary_700",
        button_primary_text_color_dark="white",
        button_cancel_text_color="*neutral_800",
    )


def read_css() -> str:
    return (ASSETS / "style.css").read_text(encoding="utf-8")
