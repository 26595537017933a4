"""Two-level policies of one slice: beams and powers, every slot."""
