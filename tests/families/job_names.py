"""How files of a family are called, and of which families more is asked."""

MISTAKEN = ("Mistral v0.3", "Phi-3.5", "LFM2")  # of these the base's file is held for the tuned one's, once
ROUNDED = ("LFM2",)  # of these a Q4_K_M, too: no examples pass through it, and its rows are short of a K-quant's block


def name_of(family: str) -> str:
    return family.lower().replace(" ", "-").replace(".", "_")
