#!/bin/sh
# Build every wheel from its own source distribution, install ours (never the stranger's cap-core of the public index)
# into a fresh environment, and there run `cap check` and one served request.
set -eu

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT

for folder in . capabilities/*/; do
  python -m build --outdir "$work/dist" "$folder" >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
done
python -m venv "$work/venv"
bin=$work/venv/bin
# The dependencies come from the index; our own packages only from the wheels just built.
"$bin/pip" install --quiet --find-links "$work/dist" "$work"/dist/*.whl
"$bin/python" - <<'PY'
from importlib import metadata

for name in ("cap-core", "cap-portkey", "cap-aimlapi"):
    version = metadata.version(name)
    assert version.startswith("26."), (name, version)
    print(f"{name} {version}")
PY

cd "$work"
cat >things.yaml <<'YAML'
naftiko: 1.0.0-alpha2
capability:
  consumes:
  - namespace: api
    baseUri: http://127.0.0.1:1
    resources: [{path: '/things/{id}', operations: [{name: get-thing, method: GET}]}]
  exposes:
  - type: rest
    namespace: things
    port: 8080
    resources: [{path: '/things/{id}', operations: [{name: get-thing, method: GET, call: api.get-thing}]}]
YAML
"$bin/cap" check things.yaml
"$bin/cap" list
for dialect in naftiko ikanos; do
  "$bin/python" -m json.tool "$("$bin/cap" schema "$dialect" --path)" >/dev/null
done
"$bin/cap" serve things.yaml --port 0 --log-format json >/dev/null 2>"$work/log" &
server=$!
"$bin/python" - "$work/log" <<'PY'
import json, re, sys, time, urllib.error, urllib.request
from pathlib import Path

for _ in range(200):
    found = re.search(r'"event":\s*"ready".*?(http://127\.0\.0\.1:\d+)', Path(sys.argv[1]).read_text())
    if found:
        break
    time.sleep(0.1)
else:
    raise SystemExit(Path(sys.argv[1]).read_text())
try:
    urllib.request.urlopen(found[1] + "/things/7")
    raise SystemExit("an upstream that is not there answered")
except urllib.error.HTTPError as error:
    problem = json.load(error)
    assert (502, "api.get-thing") == (problem["status"], problem["operation"]), problem
    print("served from the wheels:", problem["detail"])
PY
kill -TERM "$server"
wait "$server"
server=
