"""JSON-RPC for dgls: transports, the order of messages, and tolerance for editors' mistakes."""
