"""The form of a recipe: every setting has a field with its help and bounds, and room for what speaks against it."""

from __future__ import annotations

import gradio as gr
import pytest

from components.fields import Form, build_fields, build_form, show_complaints, show_summary
from studio.train.facts import Complaint
from studio.train.recipe import GROUPS, SETTINGS, bounds, help_line, make_recipe, settings_of, unit

BAD = Complaint("lora_rank", "Must be <b>less</b>.", refuses=True)
LOOK = Complaint("packing", "Stays off.")


@pytest.fixture(scope="module")
def form() -> Form:
    with gr.Blocks():
        built = build_form()
        built.summary.render()
    return built


def holders(component):
    """The accordions that a component stands in, the innermost first."""
    found, block = [], component.parent
    while block is not None:
        found += [block.elem_id] if isinstance(block, gr.Accordion) else []
        block = block.parent
    return found


def test_every_setting_has_a_field_with_its_default_its_help_and_what_it_may_be(form):
    assert form.fields.keys() == form.slots.keys() == SETTINGS.keys()
    for name, component in form.fields.items():
        assert component.elem_id == f"field-{name}"
        assert component.value == SETTINGS[name].default
        assert component.label.startswith(SETTINGS[name].title)
        assert unit(name) in component.label
        assert component.info.startswith(help_line(name))
        least, most = bounds(name)
        if most is not None:
            assert component.info.endswith((f"{most:,}.", f"{most:g}."))
            assert f"{least:g}" in component.info


def test_five_stand_open_and_the_rest_under_what_they_are_for(form):
    assert [name for name in form.fields if holders(form.fields[name]) == []] == settings_of("plain")
    assert len(settings_of("plain")) == 5
    for group in (group for group in GROUPS if group != "plain"):
        for name in settings_of(group):
            assert holders(form.fields[name]) == [f"group-{group}", "advanced"]


def test_a_complaint_stands_right_under_its_field(form):
    for name, component in form.fields.items():
        frame = component.parent  # Gradio puts each field into a frame of its own
        assert frame.children == [component]
        assert frame.parent.children.index(form.slots[name]) == frame.parent.children.index(frame) + 1
        assert not form.slots[name].visible


@pytest.mark.parametrize(
    ("name", "step"),
    [("learning_rate", 1e-5), ("epochs", 0.1), ("lora_rank", 1), ("warmup_share", 1e-3), ("lora_dropout", 0.01)],
)
def test_an_arrow_key_moves_by_what_a_value_of_this_size_needs(form, name, step):
    assert form.fields[name].step == pytest.approx(step)


def test_a_number_out_of_its_bounds_is_judged_by_the_rules_and_not_by_a_notice(form):
    assert form.fields["lora_rank"].preprocess(300) == 300


def test_values_go_by_name_and_come_back(form):
    values = {component: name for name, component in form.fields.items()}
    assert form.read(values) == {name: name for name in SETTINGS}
    filled = form.fill(make_recipe(data="shop", lora_rank=8).model_dump())
    assert filled.keys() == set(form.fields.values())
    assert filled[form.fields["lora_rank"]] == 8


def test_what_is_said_is_shown_at_its_field_and_all_other_slots_are_away(form):
    shown = form.show([BAD, LOOK])
    assert shown.keys() == set(form.outputs)
    visible = {name: shown[slot]["visible"] if isinstance(shown[slot], dict) else shown[slot].visible
               for name, slot in form.slots.items()}  # fmt: skip
    assert {name for name, here in visible.items() if here} == {"lora_rank", "packing"}
    assert shown[form.summary] == show_summary([BAD, LOOK])
    assert form.show([])[form.summary] == ""


def test_a_sign_and_words_tell_a_refusal_from_advice_and_no_markup_passes():
    refusal, advice = show_complaints([BAD]), show_complaints([LOOK])
    assert "Cannot run" in refusal
    assert "Cannot run" not in advice
    assert "&lt;b&gt;" in refusal


def test_the_summary_names_refusals_first_and_says_where_closed_fields_are():
    assert "Rank" in show_summary([BAD, LOOK])
    assert "Packing" not in show_summary([BAD, LOOK])
    assert "Packing (Advanced, How fast)" in show_summary([LOOK])
    assert "Stays off." in show_summary([LOOK])
    assert show_summary([]) == ""


def test_a_long_summary_is_counted():
    found = [Complaint(name, "Look.") for name in ("epochs", "lora_rank", "packing", "method", "task")]
    assert "and 2 more" in show_summary(found)


def test_a_group_can_be_built_alone():
    with gr.Blocks():
        assert list(build_fields("plain")) == settings_of("plain")
