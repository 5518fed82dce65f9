"""A conversation of a ChatGPT data export: a tree of messages, of which one branch was talked to its end."""

from __future__ import annotations

from typing import Any

from studio.data.conversation import Conversation, Message
from studio.data.rows import Unrecognised

LONGEST_BRANCH = 10_000  # messages: a tree that is damaged may lead round in a circle


def branch_of(row: dict[str, Any]) -> Conversation:
    """The messages that people saw, from the root to the last answer of the branch that was open last."""
    nodes = {name: node for name, node in row["mapping"].items() if isinstance(node, dict)}
    messages: list[Message] = []
    thoughts = ""
    for said in _path(nodes, row.get("current_node")):
        role, words = _role(said), _words(said)
        if role == "thoughts":
            thoughts = words
        elif not words.strip():
            continue
        elif role == "assistant" and messages and messages[-1].role == "assistant":
            before = messages.pop()  # what was said around the call of a tool
            messages.append(Message("assistant", f"{before.content}\n\n{words}", before.reasoning or thoughts))
        elif role == "assistant":
            messages.append(Message("assistant", words, thoughts))
            thoughts = ""
        elif role == "user":
            messages.append(Message("user", words))
        elif role == "system":
            messages.append(Message("system", words))
    while messages and messages[-1].role != "assistant":
        messages.pop()
    if not messages:
        raise Unrecognised("is a ChatGPT conversation without an answer in words")
    return Conversation(tuple(messages))


def _path(nodes: dict[str, Any], last: Any) -> list[dict[str, Any]]:
    """Messages from the root down to the current node; without one, down the newest branch."""
    if not isinstance(last, str) or last not in nodes:
        last = next((name for name, node in nodes.items() if not node.get("parent")), None)
        for _ in range(LONGEST_BRANCH):
            children = [child for child in _names(nodes[last].get("children")) if child in nodes] if last else []
            if not children:
                break
            last = children[-1]
    path: list[dict[str, Any]] = []
    while isinstance(last, str) and last in nodes and len(path) < LONGEST_BRANCH:
        said = nodes[last].get("message")
        path.append(said if isinstance(said, dict) else {})
        last = nodes[last].get("parent")
    return path[::-1]


def _names(children: Any) -> list[str]:
    return [child for child in children if isinstance(child, str)] if isinstance(children, list) else []


def _role(said: dict[str, Any]) -> str:
    """ "" for what people did not see: calls of tools and their results, and hidden messages."""
    author = said.get("author")
    role = str(author.get("role", "")) if isinstance(author, dict) else ""
    metadata = said.get("metadata")
    hidden = isinstance(metadata, dict) and metadata.get("is_visually_hidden_from_conversation")
    if hidden or role == "tool" or said.get("weight") == 0 or said.get("recipient", "all") != "all":
        return ""
    kind = _content(said).get("content_type")
    if kind in ("thoughts", "reasoning_recap"):
        return "thoughts" if kind == "thoughts" else ""
    return role if kind in (None, "text", "multimodal_text", "code") else ""


def _content(said: dict[str, Any]) -> dict[str, Any]:
    content = said.get("content")
    return content if isinstance(content, dict) else {}


def _words(said: dict[str, Any]) -> str:
    content = _content(said)
    if isinstance(content.get("thoughts"), list):
        return "\n".join(str(each.get("content", "")) for each in content["thoughts"] if isinstance(each, dict))
    parts = content.get("parts")
    if isinstance(parts, list):
        return "\n".join(part for part in parts if isinstance(part, str))  # pictures are no words
    return str(content.get("text") or "")
