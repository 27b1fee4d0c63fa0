"""Start JupyterLab, as `make lab` does, and print an address that works.

JupyterLab's file browser shows the folder of the notebook that is opened first, unless the address names another, and
behind an address with a question Jupyter Server writes its token as a second one.
"""

import sys

from jupyter_server.serverapp import ServerApp
from jupyterlab.labapp import LabApp


class Server(ServerApp):
    @property
    def display_url(self) -> str:
        return super().display_url.replace("/?token=", "/&token=")


class Lab(LabApp):
    serverapp_class = Server


if __name__ == "__main__":
    sys.exit(Lab.launch_instance())
