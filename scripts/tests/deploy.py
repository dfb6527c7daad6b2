"""Checks what deploy/ says against itself and against a running softmaxd.

    deploy.py URL FOLDER

The options that deploy/ gives exist; times and figures that depend on each other agree; selectors select; alert rules
and the dashboard name metrics and labels that the server has, and docs/operations.md names all of them. Leaves in
FOLDER, for promtool, alerts.yaml (the rules without the operator's envelope) and queries.yaml (the dashboard's queries
as rules).
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.request

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
K8S = DEPLOY / "kubernetes"
# What Prometheus adds to what it scrapes, and what a dashboard's variables stand for.
TARGET_LABELS = {"job", "instance", "le"}
VARIABLES = {"$__rate_interval": "5m", "$instance": ".*"}


def load(path):
    return yaml.safe_load((DEPLOY / path).read_text(encoding="utf-8"))


def seconds_after(flag, words, defaults):
    """The value of a flag in a list of arguments, or its default."""
    return float(words[words.index(flag) + 1] if flag in words else defaults[flag])


def options():
    """softmaxd's flags with their defaults."""
    text = subprocess.run([os.environ["SOFTMAXD"], "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
    found = re.findall(r"^  (--[\w-]+)(?:.*?\[([^\];]*)(?:; [^\]]*)?\])?$", text, re.MULTILINE)
    return dict(found)


def kustomizations():
    """Each lists every file beside it, and no other."""
    for folder in (K8S, K8S / "monitoring"):
        plan = load(folder / "kustomization.yaml")
        listed = set(plan["resources"])
        for generator in plan.get("configMapGenerator", []):
            listed |= set(generator["files"])
        there = {path.name for path in folder.iterdir() if path.is_file()} - {"kustomization.yaml"}
        there = {name for name in there if not name.endswith(".test.yaml")}
        for name in listed ^ there:
            yield f"{folder.name}/kustomization.yaml and its folder differ in {name}"


def flags(defaults):
    """Every flag and every variable that deploy/ gives to softmaxd is one of its options."""
    deployment = load(K8S / "deployment.yaml")["spec"]["template"]["spec"]["containers"][0]
    compose = load("compose.yaml")
    given = deployment["args"] + [word for service in compose["services"].values() for word in service.get("command", [])]
    text = "".join((DEPLOY / name).read_text(encoding="utf-8") for name in ("softmaxd.service", "compose.yaml"))
    names = re.findall(r"\bSOFTMAXD_([A-Z_]{3,})=", text)
    for flag in [word for word in given if word.startswith("--")] + [f"--{n.lower().replace('_', '-')}" for n in names]:
        if flag not in defaults:
            yield f"{flag} is no option of softmaxd"


def times(defaults):
    """A stop is never cut short, and it waits until every balancer has noticed."""
    pod = load(K8S / "deployment.yaml")["spec"]["template"]["spec"]
    container, probe = pod["containers"][0], pod["containers"][0]["readinessProbe"]
    delay = seconds_after("--drain-delay", container["args"], defaults)
    drain = seconds_after("--drain-timeout", container["args"], defaults)
    if delay <= probe["periodSeconds"] * probe["failureThreshold"]:
        yield "deployment.yaml: --drain-delay is not longer than the readiness probe takes to notice"
    if pod["terminationGracePeriodSeconds"] <= delay + drain:
        yield "deployment.yaml: the grace period is not longer than --drain-delay and --drain-timeout together"
    inter, fall = re.search(r"check inter (\d+)ms fall (\d+)", (DEPLOY / "haproxy.cfg").read_text()).groups()
    for name, service in load("compose.yaml")["services"].items():
        if "command" not in service:
            continue
        delay = seconds_after("--drain-delay", service["command"], defaults)
        if delay <= int(inter) * int(fall) / 1000:
            yield f"compose.yaml: {name}'s --drain-delay is not longer than HAProxy takes to notice"
        if int(service["stop_grace_period"].rstrip("s")) <= delay + drain:
            yield f"compose.yaml: {name} is stopped before --drain-delay and --drain-timeout are over"
    unit = dict(re.findall(r"^(\w+)=(\S+)$", (DEPLOY / "softmaxd.service").read_text(), re.MULTILINE))
    if int(unit["TimeoutStopSec"]) <= drain:
        yield "softmaxd.service: TimeoutStopSec is not longer than --drain-timeout"


def selectors():
    """Whatever selects pods selects those of the deployment, and nothing leaves a gap between request and limit."""
    deployment = load(K8S / "deployment.yaml")
    pod = deployment["spec"]["template"]
    labels = pod["metadata"]["labels"].items()
    service, budget = load(K8S / "service.yaml"), load(K8S / "poddisruptionbudget.yaml")
    policy, scaler = load(K8S / "networkpolicy.yaml"), load(K8S / "horizontalpodautoscaler.yaml")
    monitor = load(K8S / "monitoring/servicemonitor.yaml")
    wanted = {"deployment.yaml": deployment["spec"]["selector"]["matchLabels"], "service.yaml": service["spec"]["selector"],
              "poddisruptionbudget.yaml": budget["spec"]["selector"]["matchLabels"],
              "networkpolicy.yaml": policy["spec"]["podSelector"]["matchLabels"]}
    wanted |= {f"topologySpreadConstraints, {spread['topologyKey']}": spread["labelSelector"]["matchLabels"]
               for spread in pod["spec"]["topologySpreadConstraints"]}
    for name, selector in wanted.items():
        if not selector.items() <= labels:
            yield f"{name} does not select the deployment's pods"
    if not monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items():
        yield "servicemonitor.yaml does not select the service"
    if scaler["spec"]["scaleTargetRef"]["name"] != deployment["metadata"]["name"] or "replicas" in deployment["spec"]:
        yield "horizontalpodautoscaler.yaml and deployment.yaml both set the number of instances, or neither"
    resources = pod["spec"]["containers"][0]["resources"]
    if resources["requests"] != resources["limits"]:
        yield "deployment.yaml: requests and limits differ, so that the pod is not of the class Guaranteed"


def queries():
    """(where, query) of every alert and panel; the rules and the queries are left for promtool."""
    rules = load(K8S / "monitoring/alerts.yaml")["spec"]
    dashboard = json.loads((K8S / "monitoring/dashboard.json").read_text(encoding="utf-8"))
    found = [(f"alerts.yaml: {rule['alert']}", rule["expr"]) for group in rules["groups"] for rule in group["rules"]]
    panels = []
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            query = target["expr"]
            for variable, value in VARIABLES.items():
                query = query.replace(variable, value)
            panels.append((f"dashboard.json: {panel['title']}", query))
    records = [{"record": f"panel:{number}", "expr": query} for number, (_, query) in enumerate(panels)]
    folder = pathlib.Path(sys.argv[2])
    (folder / "alerts.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    (folder / "queries.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": records}]}))
    return found + panels


def metrics():
    """What every alert and panel asks for, the server has, and docs/operations.md names what it has."""
    request = urllib.request.Request(sys.argv[1] + "/loss", b'{"logits": [40, 0], "target": 0}',
                                     {"Content-Type": "application/json"})
    urllib.request.urlopen(request).read()
    with urllib.request.urlopen(sys.argv[1] + "/metrics") as response:
        text = response.read().decode()
    families = set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE))
    names = set(re.findall(r"^(\w+)[{ ]", text, re.MULTILINE)) | families
    labels = set(re.findall(r'(\w+)="', text)) | TARGET_LABELS
    written = set(re.findall(r"`(\w+)`", (ROOT / "docs/operations.md").read_text(encoding="utf-8")))
    for name in sorted((families | labels - TARGET_LABELS) - written):
        yield f"docs/operations.md does not name {name}, which /metrics has"
    for name in sorted(name for name in written - names if re.match("(http_server|softmaxd|process)_", name)):
        yield f"docs/operations.md names {name}, which /metrics has not"
    for where, query in queries():
        for name in re.findall(r"\b((?:http_server|softmaxd|process)_\w+)", re.sub(r"\{[^}]*\}|by \([^)]*\)", "", query)):
            if name not in names:
                yield f"{where}: the server has no metric {name}"
        used = re.findall(r'(\w+)(?:=|!=|=~|!~)"', query) + re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", query)))
        for label in set(used) - labels:
            yield f"{where}: the server has no label {label}"


def main():
    defaults = options()
    faults = [*kustomizations(), *flags(defaults), *times(defaults), *selectors(), *metrics()]
    print("\n".join(faults) if faults else "deploy/ agrees with itself and with softmaxd")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
