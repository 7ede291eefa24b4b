"""Measurements of dgls itself, each printed with the machine and the date."""
