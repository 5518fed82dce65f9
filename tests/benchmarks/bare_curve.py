"""What page.py compares against: Gradio's own way to a curve, the whole file into a plot. `bare_curve METRICS PORT`"""

import sys

import gradio as gr
import pandas
import plotly.express


def read_curve():
    rows = pandas.read_json(sys.argv[1], lines=True)
    return plotly.express.line(rows, x="step", y=["loss", "smooth", "heldout_loss", "learning_rate"], render_mode="svg")


with gr.Blocks() as app:
    gr.Button("Read").click(read_curve, None, gr.Plot(elem_id="curve"), queue=False)

app.launch(server_port=int(sys.argv[2]), share=False, ssr_mode=False, quiet=True)
