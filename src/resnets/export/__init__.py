"""ONNX, int8, torch.export, Triton; every export is checked to answer as its classifier does."""
