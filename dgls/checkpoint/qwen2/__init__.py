"""The checkpoints of Qwen2: read from GGUF or Hugging Face folders, checked, converted to int8."""
