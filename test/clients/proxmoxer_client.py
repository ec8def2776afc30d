"""A life of a guest with proxmoxer, as its users write it. Arguments: HOST PORT CA_FILE. Prints one JSON document."""
import json
import sys
import time

from proxmoxer import ProxmoxAPI
from proxmoxer.core import ResourceException

host, port, ca = sys.argv[1], int(sys.argv[2]), sys.argv[3]
by_password = ProxmoxAPI(host, port=port, user="root@pam", password="simulator", verify_ssl=ca)
by_token = ProxmoxAPI(host, port=port, user="agent@pve", token_name="control", token_value="secret-of-the-test", verify_ssl=ca)
seen = {"version": by_password.version.get()["version"], "nodes": sorted(n["node"] for n in by_token.nodes.get())}


def done(node, upid):
    """Waits for a task as scripts do, and answers its exit status."""
    while True:
        status = node.tasks(upid).status.get()
        if status["status"] == "stopped":
            return status["exitstatus"]
        time.sleep(0.05)


for name, api, newid in (("password", by_password, 501), ("token", by_token, 502)):
    node = api.nodes("pve4")
    template = node.qemu(9000)
    steps = [done(node, template.clone.post(newid=newid, name=f"px-{name}", full=1, storage="nas"))]
    guest = node.qemu(newid)
    guest.config.put(memory=1024, cores=2, tags="from-proxmoxer")
    upid = guest.config.post(description="set asynchronously")
    steps.append("OK" if upid is None else done(node, upid))
    steps.append(done(node, guest.resize.put(disk="scsi0", size="12G")))
    steps.append(done(node, guest.snapshot.post(snapname="before")))
    steps.append(done(node, guest.status.start.post()))
    running = guest.status.current.get()["status"]
    steps.append(done(node, guest.status.stop.post()))
    steps.append(done(node, guest.snapshot("before").rollback.post()))
    steps.append(done(node, guest.snapshot("before").delete()))
    config = guest.config.get()
    steps.append(done(node, guest.delete(purge=1)))
    try:
        guest.config.get()
        gone = "still there"
    except ResourceException as error:
        gone = f"{error.status_code} {error.status_message}"
    seen[name] = {"steps": steps, "running": running, "memory": config["memory"], "tags": config["tags"], "gone": gone}

try:
    by_token.nodes("pve4").qemu.post(vmid=9000, bogus=1)
except ResourceException as error:
    seen["refused"] = {"status": error.status_code, "content": str(error)}

print(json.dumps(seen))
