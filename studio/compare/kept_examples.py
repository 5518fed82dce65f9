"""A kept conversation as one example more of the data set that its run learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from studio.compare.kept import open_kept
from studio.compare.kept_files import said_in
from studio.data.conversation import Conversation, Message
from studio.data.datasets import Dataset, is_learnable, open_current
from studio.data.likeness import LIKE, fold_all, jaccard, sketch
from studio.data.versions import carry_drafts, make_version, new_row
from studio.errors import DataError
from studio.run_table import data_name
from studio.runs import Run, workspace_of


def add_to_data(run: Run, kept_id: str, pane: int) -> tuple[Dataset, int]:
    """A version of the data set with what was said in this pane, to learn from; and its row there.

    It is made of the version that the person works with now, and is worked with from then on; what was changed by
    hand there and not kept yet goes along.
    Raises: RunError and SettingError as `said_in` does; DataError if the data set is gone, has it already, or holds
        out its question.
    """
    kept = open_kept(run, kept_id)
    workspace = workspace_of(run.folder)
    dataset = open_current(workspace, data_name(run.recipe.data))
    added = replace(said_in(kept, pane), row=new_row(dataset))
    if not is_learnable(added):
        raise DataError("Nothing can be learned from it.", "Take a conversation with a question and an answer.")
    _require_new(dataset, added)
    did = [f"one example added, of the conversation “{kept.name}” that was kept in Compare"]
    made = make_version(workspace, dataset, lambda placed: placed, lambda: did, [(added, "train")])
    carry_drafts(dataset, made)
    return made, added.row


def _require_new(dataset: Dataset, added: Conversation) -> None:
    held_out: list[Conversation] = []
    for conversation, split in dataset.placed():
        if conversation.messages == added.messages:
            raise DataError(
                f"{dataset.title} has it already: it is example {conversation.row + 1}.", "See Data, under Examples."
            )
        if split in ("validation", "test"):
            held_out.append(conversation)
    asked = _asked(added.messages)
    ours = sketch([fold_all(asked[:count]) for count in range(1, len(asked) + 1)]).shingles
    theirs = sketch([fold_all(_asked(conversation.prompt)) for conversation in held_out]).shingles
    for place, conversation in enumerate(held_out):
        if any(jaccard(theirs[place], ours[count]) >= LIKE for count in range(len(asked))):
            raise DataError(
                f"Its question is held out: it is like that of example {conversation.row + 1} of {dataset.title}.",
                "A model that learns it can no longer be measured by it. Ask in another way and keep that instead.",
            )


def _asked(messages: Sequence[Message]) -> list[Message]:
    return [message for message in messages if message.role == "user"]
