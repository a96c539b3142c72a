"""Drives a PVE cluster through proxmoxer: log in, list, create a VM, follow the task, delete.

Takes host, port, password and an API token from the environment. Ends with exit code 0 only if everything was as PVE
does it; what was not is an AssertionError or proxmoxer's own error.
"""

import os

from proxmoxer import ProxmoxAPI, ResourceException
from proxmoxer.tools import Tasks

HOST, PORT = os.environ["SIM_HOST"], int(os.environ["SIM_PORT"])
NODE = "pve1"


def follow(pve, upid):
    """Waits for a task as proxmoxer does, which also takes the UPID apart by its own parser."""
    parts = Tasks.decode_upid(upid)
    assert parts["node"] == NODE, parts
    status = Tasks.blocking_status(pve, upid, timeout=60, polling_interval=0.1)
    assert status is not None, f"{upid} still runs"
    assert status["exitstatus"] == "OK", status
    log = pve.nodes(NODE).tasks(upid).log.get()
    assert Tasks.decode_log(log).endswith("TASK OK"), log
    return parts


def main():
    pve = ProxmoxAPI(HOST, port=PORT, user="root@pam", password=os.environ["SIM_PASSWORD"], verify_ssl=False)
    print("logged in to", pve.version.get()["version"])

    nodes = {node["node"]: node for node in pve.nodes.get()}
    assert NODE in nodes and nodes[NODE]["status"] == "online", nodes
    storages = [storage["storage"] for storage in pve.nodes(NODE).storage.get(content="images")]
    assert storages, "no storage for images"
    print("nodes", sorted(nodes), "storages for images", sorted(storages))

    vmid = int(pve.cluster.nextid.get())
    upid = pve.nodes(NODE).qemu.create(
        vmid=vmid, name="made-by-proxmoxer", memory=512, cores=1, scsi0=f"{storages[0]}:4", net0="virtio,bridge=vmbr0"
    )
    created = follow(pve, upid)
    assert (created["type"], created["id"]) == ("qmcreate", str(vmid)), created
    print("created", vmid)

    config = pve.nodes(NODE).qemu(vmid).config.get()
    assert config["name"] == "made-by-proxmoxer" and config["memory"] == "512" and config["cores"] == 1, config
    assert config["scsi0"].startswith(f"{storages[0]}:") and "size=4G" in config["scsi0"], config
    assert vmid in [guest["vmid"] for guest in pve.nodes(NODE).qemu.get()]
    assert int(pve.cluster.nextid.get()) != vmid

    try:
        pve.nodes(NODE).qemu.create(vmid=vmid)
        raise AssertionError("a second VM of the same number was made")
    except ResourceException as refused:
        assert refused.status_code == 500 and "already exists" in str(refused), refused
    try:
        pve.nodes(NODE).qemu.create(vmid="abc")
        raise AssertionError("'abc' passed for a number")
    except ResourceException as refused:
        assert refused.status_code == 400 and "vmid" in (refused.errors or {}), refused

    destroyed = follow(pve, pve.nodes(NODE).qemu(vmid).delete(purge=1))
    assert (destroyed["type"], destroyed["id"]) == ("qmdestroy", str(vmid)), destroyed
    assert vmid not in [guest["vmid"] for guest in pve.nodes(NODE).qemu.get()]
    print("destroyed", vmid)

    name, secret = os.environ["SIM_TOKEN"].split("=")
    user, token = name.split("!")
    by_token = ProxmoxAPI(HOST, port=PORT, user=user, token_name=token, token_value=secret, verify_ssl=False)
    assert by_token.version.get() == pve.version.get()
    assert [node["node"] for node in by_token.nodes.get()]
    print("the token works as well")


main()
