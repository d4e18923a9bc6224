"""`bgswap train --list`: what each recipe is, needs and makes, and its settings with their sources."""

from dataclasses import fields

from bgswap import extensions
from bgswap.training.start import RECIPES, recipe_of, shown


def table() -> str:
    """Every recipe: its line, what it needs and what it makes."""
    parts = []
    for name in extensions.names(RECIPES):
        recipe = recipe_of(name)
        line = extensions.summary(RECIPES, name).removeprefix(f"{name}: ")
        roles = ", ".join((*recipe.roles, *recipe.fields))
        parts.append(
            f"{name}\n  is      {line}\n  needs   {recipe.needs}\n  makes   {recipe.makes}\n  samples {roles}\n"
        )
    return "\n".join(parts)


def settings_of(name: str) -> str:
    """A recipe's settings: NAME=DEFAULT, what it is, choices, where the default comes from."""
    lines = []
    recipe = recipe_of(name)
    for one in fields(recipe.settings):
        told = one.metadata
        choices = f" One of {', '.join(told['choices'])}." if told["choices"] else ""
        default = shown(one.name, getattr(recipe.settings, one.name))
        lines.append(f"{one.name}={default}\n    {told['help']}{choices} ({told['source']})\n")
    return "".join(lines)
