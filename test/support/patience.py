"""How many times longer than usual the tests wait: more than 1 where the server is slow by its nature, as with sanitizers (tools/sanitize). What must happen does
not change."""
import os

PATIENCE = float(os.environ.get('PATIENCE', 1))
