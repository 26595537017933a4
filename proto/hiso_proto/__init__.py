"""The contracts: one .proto each, and the code generated from them."""
