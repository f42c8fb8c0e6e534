"""Tests of the translation between Argo and us."""
