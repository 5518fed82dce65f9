"""How files of a family are called."""


def name_of(family: str) -> str:
    return family.lower().replace(" ", "-").replace(".", "_")
