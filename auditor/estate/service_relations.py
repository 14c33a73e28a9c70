"""Name the types of platform services that code is about."""

from __future__ import annotations

from typing import Final

API_BACKENDS: Final = "microsoft.apimanagement/service/backends"
APPLICATION_INSIGHTS: Final = "microsoft.insights/components"
AUTOSCALE_SETTINGS: Final = "microsoft.insights/autoscalesettings"
DIAGNOSTIC_SETTINGS: Final = "microsoft.insights/diagnosticsettings"
ML_COMPUTES: Final = "microsoft.machinelearningservices/workspaces/computes"
MODEL_DEPLOYMENTS: Final = "microsoft.cognitiveservices/accounts/deployments"
ONLINE_DEPLOYMENTS: Final = "microsoft.machinelearningservices/workspaces/onlineendpoints/deployments"
OUTBOUND_RULES: Final = "microsoft.machinelearningservices/workspaces/outboundrules"
SECRETS: Final = "microsoft.keyvault/vaults/secrets"
SETTINGS_FROM_VAULTS: Final = "microsoft.web/sites/config/appsettings"
"""What Azure tells of app settings that are references to secrets: never their values."""
SITE_CERTIFICATES: Final = "microsoft.web/certificates"
SHARED_LINKS: Final = "microsoft.search/searchservices/sharedprivatelinkresources"
SITES: Final = "microsoft.web/sites"
SITE_CONFIGS: Final = "microsoft.web/sites/config"
SLOT_CONFIGS: Final = "microsoft.web/sites/slots/config"
SLOTS: Final = "microsoft.web/sites/slots"
