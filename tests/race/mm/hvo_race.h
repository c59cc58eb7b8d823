/* SPDX-License-Identifier: GPL-2.0-only */
/* Debug kernel only: what mm/vmemmap_base.c leaves out when a test wants it. */
#ifndef _MM_HVO_RACE_H
#define _MM_HVO_RACE_H

bool hvo_race_skips_wait(void);
void hvo_race_after_wait(void);
bool hvo_race_skips_flush(void);

#endif
