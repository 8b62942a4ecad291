"""How the API's description is grouped: by the package that answers."""

from drf_spectacular.openapi import AutoSchema

_NAMES = {"infra": "health", "rest_framework_simplejwt": "users", "dashboard": "pages"}


class PackageSchema(AutoSchema):
    """A route's tag is its package: the paths of this API have no common beginnings to group by."""

    def get_tags(self) -> list[str]:
        package = type(self.view).__module__.split(".")[0]
        return [_NAMES.get(package, package)]
