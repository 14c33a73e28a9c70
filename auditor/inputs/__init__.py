"""Everything that people give us to judge: our own snapshots and foreign exports, told apart by content.

In reading order: `read` takes any input, `remote` from wherever it lies; `exports` tells the shapes of exports apart,
`entries` brings one entry into the form of Azure Resource Manager, `command_line` and `powershell` those that tools print,
`glance` sees what there may be in one to look for, `twins` finds what it states twice, `bare_items` what lists only name;
`activity_log` reads logs; `foreign` names files that hold no deployed estate.
`shared_rows` holds once what several inputs hold alike, `collector` spares Python's own what it would look at in vain.
"""
