/* The messages of one layout. Included by blkif.c once for each. */

/* Reads a request out of the slot, in the form that its operation has. */
static void LAYOUT(load)(struct fields *f)
{
    const REQUEST *request = (const REQUEST *)slot;
    const DISCARD *discard = (const DISCARD *)slot;
    const INDIRECT *indirect = (const INDIRECT *)slot;

    f->operation = request->operation;
    switch (f->operation) {
    case BLKIF_OP_DISCARD:
        f->second = discard->flag;
        f->handle = discard->handle;
        f->id = discard->id;
        f->sector = discard->sector_number;
        f->nr_sectors = discard->nr_sectors;
        break;
    case BLKIF_OP_INDIRECT:
        f->second = indirect->indirect_op;
        f->nr_segments = indirect->nr_segments;
        f->id = indirect->id;
        f->sector = indirect->sector_number;
        f->handle = indirect->handle;
        memcpy(f->grefs, indirect->indirect_grefs, sizeof(f->grefs));
        break;
    default:
        f->second = request->nr_segments;
        f->handle = request->handle;
        f->id = request->id;
        f->sector = request->sector_number;
        memcpy(f->seg, request->seg, sizeof(f->seg));
    }
}

/* Writes a request into a slot and puts the slot's bytes; then reads it as a backend, and answers. */
static void LAYOUT(write_request)(void)
{
    struct limits limits;
    struct fields f;
    int i, status;

    get_limits(&limits);
    get_fields(&f);
    get(slot, SLOT);
    switch (f.operation) {
    case BLKIF_OP_DISCARD: {
        DISCARD *to = (DISCARD *)slot;

        to->operation = f.operation;
        to->flag = f.second;
        to->handle = f.handle;
        to->id = f.id;
        to->sector_number = f.sector;
        to->nr_sectors = f.nr_sectors;
        break;
    }
    case BLKIF_OP_INDIRECT: {
        INDIRECT *to = (INDIRECT *)slot;

        to->operation = f.operation;
        to->indirect_op = f.second;
        to->nr_segments = f.nr_segments;
        to->id = f.id;
        to->sector_number = f.sector;
        to->handle = f.handle;
        memcpy(to->indirect_grefs, f.grefs, sizeof(f.grefs));
        break;
    }
    default: {
        REQUEST *to = (REQUEST *)slot;

        to->operation = f.operation;
        to->nr_segments = f.second;
        to->handle = f.handle;
        to->id = f.id;
        to->sector_number = f.sector;
        for (i = 0; i < SEGMENTS; i++) {
            to->seg[i].gref = f.seg[i].gref;
            to->seg[i].first_sect = f.seg[i].first_sect;
            to->seg[i].last_sect = f.seg[i].last_sect;
        }
    }
    }
    put8(sizeof(ENTRY));
    put(slot, SLOT);

    LAYOUT(load)(&f);
    status = judge(&limits, &f);
    put16(status);
    put64(f.id);
    put8(f.operation == BLKIF_OP_INDIRECT && limits.indirect ? f.second : f.operation);
    if (status == BLKIF_RSP_OKAY)
        put_fields(&f);
}

/* Reads a request out of a slot's bytes and puts its fields. */
static void LAYOUT(read_request)(void)
{
    struct fields f;

    get(slot, SLOT);
    LAYOUT(load)(&f);
    if (f.operation <= BLKIF_OP_WRITE_BARRIER && f.second > SEGMENTS)
        exit(7);
    put_fields(&f);
}

/* Writes a response into a slot and puts the slot's bytes; then takes it for an answer to one of the
 * requests with the ids up to `asked`, which are alike. */
static void LAYOUT(write_response)(void)
{
    RESPONSE *to = (RESPONSE *)slot;
    uint64_t asked, id;
    uint8_t asked_operation, asked_inner, operation, code = 0;
    int16_t status;

    get(&asked, 8);
    get(&asked_operation, 1);
    get(&asked_inner, 1);
    get(&id, 8);
    get(&operation, 1);
    get(&status, 2);
    get(slot, SLOT);
    to->id = id;
    to->operation = operation;
    to->status = status;
    put8(sizeof(ENTRY));
    put(slot, SLOT);

    if (to->id > asked)
        code = 1;
    else if (to->operation != asked_operation && to->operation != asked_inner)
        code = 2;
    else if (to->status != BLKIF_RSP_OKAY && to->status != BLKIF_RSP_ERROR && to->status != BLKIF_RSP_EOPNOTSUPP)
        code = 3;
    put8(code);
    put64(to->id);
    if (code == 2)
        put8(to->operation);
    if (code == 0 || code == 3)
        put16(to->status);
}

/* Reads a response out of a slot's bytes and puts its fields. */
static void LAYOUT(read_response)(void)
{
    const RESPONSE *from = (const RESPONSE *)slot;

    get(slot, SLOT);
    put64(from->id);
    put8(from->operation);
    put16(from->status);
}

#undef LAYOUT
#undef REQUEST
#undef DISCARD
#undef INDIRECT
#undef RESPONSE
#undef ENTRY
