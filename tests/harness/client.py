"""A client of a standalone berthd on nothing but Python's standard library."""

import json
import pathlib
import urllib.error
import urllib.parse
import urllib.request


def read_env(data_dir):
    """DIR/env as a dict."""
    lines = pathlib.Path(data_dir, "env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


class ApiError(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status}: {body[:300]}")
        self.status, self.body = status, body


class Client:
    """API and management API of the daemon whose data directory is `data_dir`."""

    def __init__(self, data_dir, timeout=10):
        env = read_env(data_dir)
        self.api_url, self.api_token = env["BERTH_API_URL"], env["ARVADOS_API_TOKEN"]
        self.url, self.token = env["BERTH_URL"], env["BERTH_TOKEN"]
        self.timeout = timeout
        # Never through a proxy: the daemon is on this machine.
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(self, method, url, token, params=None):
        form = urllib.parse.urlencode({k: v if isinstance(v, str) else json.dumps(v) for k, v in (params or {}).items()})
        data = None
        if method == "GET":
            url += f"?{form}" if form else ""
        else:
            data = form.encode()
        request = urllib.request.Request(url, data=data, method=method, headers={"Authorization": f"Bearer {token}"})
        try:
            with self.opener.open(request, timeout=self.timeout) as answer:
                return answer.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            raise ApiError(error.code, error.read().decode(errors="replace")) from None

    def api(self, method, path, params=None):
        text = self.call(method, self.api_url + path, self.api_token, params)
        return json.loads(text) if text else None

    def manage(self, method, path, params=None):
        text = self.call(method, self.url + "/arvados/v1/dispatch" + path, self.token, params)
        return json.loads(text) if text else None

    def submit(self, **attributes):
        """Creates and commits a request; the answer has uuid and container_uuid."""
        attributes = {"state": "Committed", "container_count_max": 1, **attributes}
        return self.api("POST", "/arvados/v1/container_requests", {"container_request": attributes})

    def cancel(self, request_uuid):
        return self.api("PUT", f"/arvados/v1/container_requests/{request_uuid}", {"container_request": {"priority": 0}})

    def container(self, uuid):
        return self.api("GET", f"/arvados/v1/containers/{uuid}")

    def containers(self):
        """Every container, by uuid."""
        found, last = {}, ""
        while True:
            page = self.api("GET", "/arvados/v1/containers", {
                "order": "uuid", "limit": 1000, "count": "none", "filters": [["uuid", ">", last]]})["items"]
            if not page:
                return found
            found.update((c["uuid"], c) for c in page)
            last = page[-1]["uuid"]

    def log(self, uuid):
        return self.call("GET", f"{self.api_url}/berth/v1/containers/{uuid}/log", self.api_token)

    def queue(self):
        return self.manage("GET", "/containers")["items"] or []

    def instances(self):
        return self.manage("GET", "/instances")["items"] or []

    def metrics(self):
        return self.call("GET", self.url + "/metrics", self.token)
