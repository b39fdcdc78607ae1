"""Metrics, exact and vectorised: rankings against what happened, lists as they are, ratings, labels."""
