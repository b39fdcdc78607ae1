"""One request: who proposes, who may drop, who scores, how the slots are filled."""
