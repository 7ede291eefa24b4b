"""JSON-RPC as dgls speaks it: transports, the order of messages, and what editors send wrongly."""
