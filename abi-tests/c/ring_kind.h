/* Both ends of the ring KIND, operation by operation. Included by ring.c once for each kind. */
#define PASTE(a, b) a##b
#define NAME(a, b) PASTE(a, b)
#define SRING NAME(KIND, _sring)
#define CONST_SIZE(kind, bytes) __CONST_RING_SIZE(kind, bytes)

/* __RING_SIZE is a large expression; these make fewer of it. */
APART void NAME(attach_front_, KIND)(struct NAME(KIND, _front_ring) *r, struct SRING *s, uint32_t index, size_t bytes)
{
    FRONT_RING_ATTACH(r, s, index, bytes);
}

APART void NAME(attach_back_, KIND)(struct NAME(KIND, _back_ring) *r, struct SRING *s, uint32_t index, size_t bytes)
{
    BACK_RING_ATTACH(r, s, index, bytes);
}

APART void NAME(sizes_, KIND)(struct SRING *s, size_t bytes)
{
    put32(CONST_SIZE(KIND, bytes));
    put32(__RING_SIZE(s, bytes));
}

static void NAME(run_, KIND)(size_t bytes, uint32_t index, unsigned operations)
{
    struct SRING *s = (struct SRING *)page;
    struct NAME(KIND, _front_ring) front;
    struct NAME(KIND, _back_ring) back;
    __typeof__(s->ring[0].req) request;
    __typeof__(s->ring[0].rsp) response;
    /* As a driver's loop keeps it: the other end's index when it was last looked at. */
    RING_IDX responses_known, requests_known;
    /* What each end published last. */
    RING_IDX requests_pushed, responses_pushed;
    int front_dead, back_dead;

#define ATTACHED(i) do { \
        responses_known = requests_known = requests_pushed = responses_pushed = (i); \
        front_dead = back_dead = 0; \
    } while (0)

    s->req_prod = s->rsp_prod = index;
    s->req_event = s->rsp_event = index + 1;
    memcpy(shadow, page, bytes);
    NAME(attach_front_, KIND)(&front, s, index, bytes);
    NAME(attach_back_, KIND)(&back, s, index, bytes);
    ATTACHED(index);

    while (operations--) {
        struct operation op;
        unsigned code = FINE, count, most, work;
        RING_IDX prod, cons;

        get(&op.what, 1);
        get(&op.a, 1);
        get(&op.value, 4);
        most = op.a;
        count = 0;

        switch (op.what) {
        case INIT:
            XEN_FRONT_RING_INIT(&front, s, bytes);
            BACK_RING_INIT(&back, s, bytes);
            ATTACHED(0);
            break;
        case ATTACH:
            NAME(attach_front_, KIND)(&front, s, op.value, bytes);
            NAME(attach_back_, KIND)(&back, s, op.value, bytes);
            ATTACHED(op.value);
            break;
        case REATTACH:
            back_dead = 0;
            responses_pushed = s->rsp_prod;
            requests_known = s->req_prod;
            NAME(attach_back_, KIND)(&back, s, responses_pushed, bytes);
            if (RING_REQUEST_PROD_OVERFLOW(&back, requests_known)) {
                code = OVERFLOW;
                NAME(attach_back_, KIND)(&back, s, 0, bytes);
                requests_known = responses_pushed = 0;
            }
            put8(code);
            break;

        case FRONT_PUT:
            for (; count < most && code == FINE; count++) {
                if (front_dead) {
                    code = DEAD;
                    break;
                }
                if (RING_FULL(&front)) {
                    code = FULL;
                    break;
                }
                memcpy(RING_GET_REQUEST(&front, front.req_prod_pvt), message(op.value + count), sizeof(request));
                front.req_prod_pvt++;
            }
            put8(code);
            put8(count);
            break;
        case FRONT_PUSH:
            RING_PUSH_REQUESTS(&front);
            requests_pushed = front.req_prod_pvt;
            break;
        case FRONT_PUSH_CHECK: {
            /* The macro starts from the index in the page, which the other end may have changed. */
            int foreign = s->req_prod != requests_pushed;
            int notify, own;

            RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&front, notify);
            own = foreign ? front.req_prod_pvt - s->req_event < front.req_prod_pvt - requests_pushed : notify;
            requests_pushed = front.req_prod_pvt;
            put8(foreign);
            put8(notify);
            put8(own);
            break;
        }
        case FRONT_LOOK:
        case FRONT_TAKE:
        case FRONT_DRAIN:
        case FRONT_FINAL:
        take_response:
            if (op.what != FRONT_TAKE || (count < most && front.rsp_cons == responses_known)) {
                prod = s->rsp_prod;
                if (front_dead)
                    code = DEAD;
                else if (RING_RESPONSE_PROD_OVERFLOW(&front, prod))
                    code = OVERFLOW;
                else if (prod - front.rsp_cons > requests_pushed - front.rsp_cons)
                    code = STRICTER;
                else
                    responses_known = prod;
            }
            if (code != FINE) {
                /* What was found before is not taken either. */
                front_dead = 1;
                responses_known = front.rsp_cons;
                put8(code);
                break;
            }
            switch (op.what) {
            case FRONT_TAKE:
                if (count < most && front.rsp_cons != responses_known) {
                    RING_COPY_RESPONSE(&front, front.rsp_cons, &response);
                    front.rsp_cons++;
                    put(&response, sizeof(response));
                    count++;
                    goto take_response;
                }
                break;
            case FRONT_LOOK:
                put32(XEN_RING_NR_UNCONSUMED_RESPONSES(&front));
                put8(!!RING_HAS_UNCONSUMED_RESPONSES(&front));
                break;
            case FRONT_DRAIN:
                prod = s->rsp_prod;
                for (cons = front.rsp_cons; cons != prod && count < most; cons++, count++) {
                    RING_COPY_RESPONSE(&front, cons, &response);
                    put(&response, sizeof(response));
                }
                front.rsp_cons = cons;
                break;
            case FRONT_FINAL:
                RING_FINAL_CHECK_FOR_RESPONSES(&front, work);
                put8(!!work);
                break;
            }
            put8(code);
            break;
        case FRONT_STATE:
            put32(RING_SIZE(&front));
            put32(RING_FREE_REQUESTS(&front));
            put8(RING_FULL(&front));
            put32(front.req_prod_pvt);
            put32(front.rsp_cons);
            break;

        case BACK_PUT:
            for (; count < most && code == FINE; count++) {
                if (back_dead) {
                    code = DEAD;
                    break;
                }
                if (back.req_cons == back.rsp_prod_pvt) {
                    code = UNASKED;
                    break;
                }
                memcpy(RING_GET_RESPONSE(&back, back.rsp_prod_pvt), message(op.value + count), sizeof(response));
                back.rsp_prod_pvt++;
            }
            put8(code);
            put8(count);
            break;
        case BACK_PUSH:
            RING_PUSH_RESPONSES(&back);
            responses_pushed = back.rsp_prod_pvt;
            break;
        case BACK_PUSH_CHECK: {
            int foreign = s->rsp_prod != responses_pushed;
            int notify, own;

            RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&back, notify);
            own = foreign ? back.rsp_prod_pvt - s->rsp_event < back.rsp_prod_pvt - responses_pushed : notify;
            responses_pushed = back.rsp_prod_pvt;
            put8(foreign);
            put8(notify);
            put8(own);
            break;
        }
        case BACK_LOOK:
        case BACK_TAKE:
        case BACK_DRAIN:
        case BACK_FINAL:
        take_request:
            if (op.what != BACK_TAKE || (count < most && back.req_cons == requests_known)) {
                prod = s->req_prod;
                if (back_dead)
                    code = DEAD;
                else if (RING_REQUEST_PROD_OVERFLOW(&back, prod))
                    code = OVERFLOW;
                else if (prod - back.rsp_prod_pvt < back.req_cons - back.rsp_prod_pvt)
                    code = STRICTER;
                else
                    requests_known = prod;
            }
            if (code != FINE) {
                back_dead = 1;
                requests_known = back.req_cons;
                put8(code);
                break;
            }
            switch (op.what) {
            case BACK_TAKE:
                if (count < most && back.req_cons != requests_known) {
                    RING_COPY_REQUEST(&back, back.req_cons, &request);
                    back.req_cons++;
                    put(&request, sizeof(request));
                    count++;
                    goto take_request;
                }
                break;
            case BACK_LOOK:
                put32(XEN_RING_NR_UNCONSUMED_REQUESTS(&back));
                put8(!!RING_HAS_UNCONSUMED_REQUESTS(&back));
                break;
            case BACK_DRAIN:
                prod = s->req_prod;
                for (cons = back.req_cons; cons != prod && count < most; cons++, count++) {
                    if (RING_REQUEST_CONS_OVERFLOW(&back, cons))
                        break;
                    RING_COPY_REQUEST(&back, cons, &request);
                    put(&request, sizeof(request));
                }
                back.req_cons = cons;
                break;
            case BACK_FINAL:
                RING_FINAL_CHECK_FOR_REQUESTS(&back, work);
                put8(!!work);
                break;
            }
            put8(code);
            break;
        case BACK_STATE:
            put32(RING_SIZE(&back));
            put32(back.rsp_prod_pvt);
            put32(back.req_cons);
            put32(back.req_cons - back.rsp_prod_pvt);
            break;

        case PREDICATES:
            put8(RING_RESPONSE_PROD_OVERFLOW(&front, op.a ? front.rsp_cons + op.value : op.value));
            put8(RING_REQUEST_PROD_OVERFLOW(&back, op.a ? back.rsp_prod_pvt + op.value : op.value));
            put8(RING_REQUEST_CONS_OVERFLOW(&back, op.a ? back.rsp_prod_pvt + op.value : op.value));
            break;
        case SIZES:
            put32(round_down(op.value));
            /* Where there is no room for the header, the macros' subtraction wraps. */
            if (op.value >= offsetof(struct SRING, ring))
                NAME(sizes_, KIND)(s, op.value);
            break;
        case PRIVATE:
            put(s->pvt.pvt_pad, 4);
            memcpy(s->pvt.pvt_pad, &op.value, 4);
            put8(s->pvt.netif.smartpoll_active);
            put8(s->pvt.tapif_user.msg);
            break;
        case POKE: {
            RING_IDX *at = op.a % 4 == 0 ? &s->req_prod : op.a % 4 == 1 ? &s->req_event :
                op.a % 4 == 2 ? &s->rsp_prod : &s->rsp_event;
            *at = op.a & 4 ? *at + op.value : op.value;
            break;
        }
        default:
            exit(7);
        }
        changes(bytes);
    }
}

#undef ATTACHED
#undef PASTE
#undef NAME
#undef SRING
#undef CONST_SIZE
#undef KIND
