"""The near-RT RIC: E2 termination, subscriptions, message bus, store, HTTP API. It knows no physics."""
