"""How things are fitted: one training loop, its steps, its losses and their negatives."""
