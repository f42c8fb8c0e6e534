"""Conditions in expr-lang, the language of Argo's `successCondition`: the part that conditions use.

Source: https://expr-lang.org/docs/language-definition. What is not here (closures, pipes, sprig)
is refused by name, never guessed.
"""

from argoexec_cli.argo.expr.evaluate import evaluate
from argoexec_cli.argo.expr.parse import parse
from argoexec_cli.argo.expr.tokens import ExprError

__all__ = ["ExprError", "evaluate", "parse"]
