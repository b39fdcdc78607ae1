"""The torch modules behind the recipes, and how events become their batches; recipes import them inside `fit`."""
