/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One tail vmemmap page, from ordinary use to optimized and back, and one
 * speculative walker on another CPU. README.md beside this file ties each step
 * to its line of code. NO_WAIT, NO_FLUSH, NO_FLUSH2 and NO_BARRIER each leave out
 * one step. STOCK_ORDER does the walker's two checks in stock's order. Each of them
 * must yield a counterexample.
 *
 * ZONE_TAILS is Linux 7.3: the shared page belongs to the zone and is writable, nobody
 * waits, and a walker checks nothing but the refcount. READ_ONLY is what 7.3.4 does.
 */
#ifdef ZONE_TAILS
#define NO_WAIT
#ifndef COUNT_IN_SHARED
#define COUNT_IN_SHARED 0
#endif
#else
#define COUNT_IN_SHARED head_count
#define READ_ONLY
#endif

/* The page that the tail's address can be translated to */
mtype = { none, old, shared, fresh };

mtype pte = old;		/* the page table */
mtype tlb = none;		/* the walker's CPU */
byte old_count = 1;		/* refcount of the struct page, in the old page */
byte head_count = 0;		/* the head's; on 6.12 seen through the shared page as well */
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
		:: tlb == shared -> count = COUNT_IN_SHARED
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

/* A locked compare-and-exchange: needs write access even if it fails. */
inline exchange() {
	atomic {
		seen = count;
		read_count();
#ifdef READ_ONLY
		assert(tlb != shared);
#endif
		assert(!(tlb == shared && count == seen))	/* it would change all tails */
	}
}

inline look() {
#ifdef ZONE_TAILS
	read_count()
#else
#ifdef STOCK_ORDER
	check_fake();
	evict();
	read_count()
#else
	read_count();
	evict();
	check_fake()
#endif
#endif
}

/* page_ref_add_unless(), three times; on 7.3 page_ref_add_unless_zero() */
active proctype walker() {
	bool fake = false;
	byte count, seen, turns = 0;

	do
	:: turns < 3 ->
		turns++;
		atomic { reading = true; sections++ };
		look();
		evict();
		if
		:: count && !fake ->
#ifndef ZONE_TAILS
			read_count();	/* atomic_add_unless() reads it again */
#endif
			if
			:: count -> exchange()
			:: else
			fi
		:: else
		fi;
		reading = false;
		evict()
	:: else -> break
	od
}
