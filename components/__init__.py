"""What the person sees: the only place that imports gradio."""
