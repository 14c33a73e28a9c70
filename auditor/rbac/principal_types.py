"""What Azure's types of principals mean: who is a person, who has members, and who may be an identity of a resource.

Newer versions of the API name users, groups, service principals, groups of other tenants and devices; older ones more.
https://learn.microsoft.com/rest/api/authorization/role-assignments/list-for-scope
https://github.com/Azure/azure-rest-api-specs/blob/main/specification/authorization/resource-manager/Microsoft.Authorization/
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from auditor.truth import NO, UNKNOWN, YES, Truth


class PrincipalType(Struct, frozen=True):
    """What is known of a principal by its type.

    `is_person`: whether it is a user, or stands for some. `is_user`: whether it is a single one. `has_members`: whether
    others get what it gets. `is_application`: whether it is a service principal or a managed identity.
    """

    is_person: Truth
    is_user: Truth
    has_members: Truth
    is_application: Truth
    is_foreign: bool = False
    is_missing: bool = False


APPLICATION: Final = "ServicePrincipal"
GROUP: Final = "Group"
_GROUP: Final = PrincipalType(is_person=YES, is_user=NO, has_members=YES, is_application=NO)
_APPLICATION: Final = PrincipalType(is_person=NO, is_user=NO, has_members=NO, is_application=YES)
_TYPES: Final = {
    "user": PrincipalType(is_person=YES, is_user=YES, has_members=NO, is_application=NO),
    "group": _GROUP,
    "foreigngroup": PrincipalType(is_person=YES, is_user=NO, has_members=YES, is_application=NO, is_foreign=True),
    # whoever has a role of the directory: people first of all, as in a group
    "directoryroletemplate": _GROUP,
    "everyone": PrincipalType(is_person=YES, is_user=NO, has_members=YES, is_application=UNKNOWN),
    "serviceprincipal": _APPLICATION,
    "application": _APPLICATION,
    "msi": _APPLICATION,
    "device": PrincipalType(is_person=NO, is_user=NO, has_members=NO, is_application=NO),
    # Azure did not find it: deleted, or made a moment ago and not everywhere yet; nobody is a member of it so far
    # https://learn.microsoft.com/azure/role-based-access-control/troubleshooting#symptom---role-assignments-with-identity-not-found
    "unknown": PrincipalType(
        is_person=UNKNOWN, is_user=UNKNOWN, has_members=NO, is_application=UNKNOWN, is_missing=True
    ),
}
# also `DirectoryObjectOrGroup`, which says of nothing in the directory what it is
_ANYTHING: Final = PrincipalType(is_person=UNKNOWN, is_user=UNKNOWN, has_members=UNKNOWN, is_application=UNKNOWN)


def principal_type(stated: str) -> PrincipalType:
    """Return what a stated type means; of one that says nothing certain, is not stated or not known, all is possible."""
    return _TYPES.get(stated.lower(), _ANYTHING)
