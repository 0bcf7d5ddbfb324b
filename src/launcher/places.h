/* Where things are: see docs/architecture.md, "Places". */
#ifndef DENOWASI_PLACES_H
#define DENOWASI_PLACES_H

#define STORE "/var/lib/denowasi"
#define TASKS "/run/denowasi/tasks"
#define GROUPS "/run/denowasi/groups"

#endif
