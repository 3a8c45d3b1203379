"""Prediction and inspection without Keras: NumPy, ONNX Runtime, `tokenizers`."""
