/* SPDX-License-Identifier: GPL-2.0-only */
/* Debug kernel only: delays, and steps of the protocol to leave out, for tests. */
#ifndef _MM_HVO_RACE_H
#define _MM_HVO_RACE_H

bool hvo_race_skips_wait(void);
void hvo_race_after_wait(void);
bool hvo_race_skips_flush(void);

/* mm/memory-failure.c */
void hvo_race_before_mark(void);
bool hvo_race_skips_second_answer(void);
void hvo_race_while_marking(void);
void hvo_race_after_mark(void);
bool hvo_race_skips_marks_begin(void);

#endif
