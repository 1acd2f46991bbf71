"""One module for each image type: the only code that knows PIL, NumPy arrays or torch tensors."""
