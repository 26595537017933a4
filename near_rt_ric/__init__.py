"""The near-RT RIC platform: E2 termination, subscriptions, message bus, store, HTTP API. It knows no physics."""
