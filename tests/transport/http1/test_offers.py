"""What offering a transport costs."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("runner", ["asyncio"], indirect=True)
def test_an_offer_imports_no_library():
    modules = "cap_plugins.transport.aiohttp, cap_plugins.transport.httpx"
    script = f"import sys, {modules}; print(sorted({{'aiohttp', 'httpx', 'httpcore', 'ssl'}} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=20)

    assert done.stdout == "[]\n"
