/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One tail vmemmap page, from ordinary use to optimized and back, and one
 * speculative walker on another CPU. README.md beside this file ties each step
 * to its line of code. NO_WAIT, NO_FLUSH, NO_FLUSH2 and NO_BARRIER each leave out
 * one step. STOCK_ORDER does the walker's two checks in stock's order. Each of them
 * must yield a counterexample.
 */

/* The page that the tail's address can be translated to */
mtype = { none, old, shared, fresh };

mtype pte = old;		/* the page table */
mtype tlb = none;		/* the walker's CPU */
byte old_count = 1;		/* refcount of the struct page, in the old page */
byte head_count = 0;		/* the head's; seen through the shared page as well */
byte fresh_count = 0;		/* in the page that restoring allocates */
bool old_given = false;		/* the old page was freed, and may be in use elsewhere */
bool fresh_is_tail = false;	/* the new page holds tails, not garbage */
bool released = false;		/* the folio is back in the page allocator */

bool reading = false;		/* the walker's RCU read section */
byte sections = 0;		/* how many it has begun */

/* Waits for the section that is open now, not for one that begins later. */
inline grace_period() {
	begun = sections;
	!reading || sections != begun
}

inline flush() {
	tlb = none
}

active proctype optimizer() {
	byte begun;

	/* the page was in use; it is freed, and becomes a tail of a frozen folio */
	old_count = 0;
#ifndef NO_WAIT
	grace_period();
#endif
	pte = shared;
#ifndef NO_FLUSH
	flush();
#endif
	old_given = true;
	head_count = 1;		/* the folio is handed out, and in use */

	/* much later it is frozen again, and restored */
	head_count = 0;
#ifdef NO_BARRIER
	pte = fresh;		/* visible before the tails in the page */
	fresh_is_tail = true;
#else
	fresh_is_tail = true;
	pte = fresh;
#endif
#ifndef NO_FLUSH2
	flush();
#endif
	atomic {
		released = true;
		fresh_count = 1	/* an ordinary page again, and in use */
	};
	/* the head is reused as well, with a refcount of its next user */
	head_count = 1
}

/* Any load or store: fills the TLB entry if there is none, then checks the page. */
inline translate() {
	if
	:: tlb == none -> tlb = pte
	:: else
	fi;
	assert(!(tlb == old && old_given));
	assert(!(tlb == fresh && !fresh_is_tail));
	assert(!(tlb == shared && released))
}

/* page_is_fake_head(): the shared page shows the head */
inline check_fake() {
	atomic {
		translate();
		fake = (tlb == shared)
	}
}

inline read_count() {
	atomic {
		translate();
		if
		:: tlb == old -> count = old_count
		:: tlb == shared -> count = head_count
		:: tlb == fresh -> count = fresh_count
		fi
	}
}

inline evict() {
	if
	:: tlb = none
	:: skip
	fi
}

inline look() {
#ifdef STOCK_ORDER
	check_fake();
	evict();
	read_count()
#else
	read_count();
	evict();
	check_fake()
#endif
}

/* page_ref_add_unless(), three times */
active proctype walker() {
	bool fake;
	byte count, turns = 0;

	do
	:: turns < 3 ->
		turns++;
		atomic { reading = true; sections++ };
		look();
		evict();
		if
		:: count && !fake ->
			read_count();	/* atomic_add_unless() reads it again */
			if
			:: count ->
				atomic {
					translate();
					assert(tlb != shared)	/* read-only */
				}
			:: else
			fi
		:: else
		fi;
		reading = false;
		evict()
	:: else -> break
	od
}
