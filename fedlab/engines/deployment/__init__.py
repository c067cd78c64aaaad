"""A real federation: Flower's SuperLink and SuperNodes, metered hop by hop.

`deploy` runs one app; `deployment` starts a federation once for many; `join` submits to one that
already runs elsewhere.
"""

from fedlab.engines.deployment.deploying import deploy
from fedlab.engines.deployment.error import DeploymentError
from fedlab.engines.deployment.federation import Deployment, deployment
from fedlab.engines.deployment.result import DeployResult
from fedlab.engines.deployment.tls import Certificates

__all__ = ["Certificates", "DeployResult", "Deployment", "DeploymentError", "deploy", "deployment"]
