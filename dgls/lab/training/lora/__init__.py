"""The recipe `lora`: a fine-tune that makes a base better at filling gaps."""
