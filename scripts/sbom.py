#!/usr/bin/env python3
"""Writes what the server consists of, as CycloneDX 1.5, to standard output.

    scripts/sbom.py TARGET > chatzz.cdx.json

It asks cargo for the packages of the program that is handed out, on that target, with those
that only its build needs. It uses nothing but Python's own library.
"""

import json
import pathlib
import subprocess
import sys

FEATURES = ["--no-default-features", "--features", "jemalloc"]


def metadata(target):
    root = pathlib.Path(__file__).parent.parent
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    command += ["--filter-platform", target, "--manifest-path", str(root / "Cargo.toml"), *FEATURES]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def reached(resolve, start):
    """The packages that one needs, itself included, with the ones that each needs."""
    nodes = {node["id"]: node for node in resolve["nodes"]}
    needs, waiting = {}, [start]
    while waiting:
        package = waiting.pop()
        if package in needs:
            continue
        deps = nodes[package]["deps"]
        needs[package] = [
            dep["pkg"] for dep in deps if any(kind["kind"] != "dev" for kind in dep["dep_kinds"])
        ]
        waiting += needs[package]
    return needs


def component(package, kind):
    made = {
        "type": kind,
        "bom-ref": reference(package),
        "name": package["name"],
        "version": package["version"],
        "purl": f"pkg:cargo/{package['name']}@{package['version']}",
    }
    if package.get("license"):
        # the old way to write OR
        made["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    if package.get("repository"):
        made["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return made


def reference(package):
    return f"{package['name']}@{package['version']}"


def checksums():
    """The hashes of `Cargo.lock`, by reference."""
    found, name, version = {}, None, None
    root = pathlib.Path(__file__).parent.parent
    for line in (root / "Cargo.lock").read_text().splitlines():
        key, _, value = line.partition(" = ")
        value = value.strip('"')
        if key == "name":
            name = value
        elif key == "version":
            version = value
        elif key == "checksum":
            found[f"{name}@{version}"] = value
    return found


def main(target):
    known = metadata(target)
    packages = {package["id"]: package for package in known["packages"]}
    root = next(i for i, p in packages.items() if p["name"] == "chatzz" and p["source"] is None)
    needs = reached(known["resolve"], root)
    hashes = checksums()
    components = []
    for package in sorted(needs, key=lambda package: reference(packages[package])):
        if package == root:
            continue
        made = component(packages[package], "library")
        if made["bom-ref"] in hashes:
            made["hashes"] = [{"alg": "SHA-256", "content": hashes[made["bom-ref"]]}]
        components.append(made)
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": component(packages[root], "application"),
            "properties": [{"name": "target", "value": target}],
        },
        "components": components,
        "dependencies": [
            {
                "ref": reference(packages[package]),
                "dependsOn": sorted({reference(packages[need]) for need in needs[package]}),
            }
            for package in sorted(needs, key=lambda package: reference(packages[package]))
        ],
    }
    json.dump(document, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
