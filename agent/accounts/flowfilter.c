/* SPDX-License-Identifier: Apache-2.0 */
#include "flowfilter.h"

#include <string.h>

#include "flowtokens.h"
#include "base/error.h"

/* A program works on one truth value; a jump skips what cannot change it any more. */
typedef enum {
	STEP_NUMBER,
	STEP_ADDRESS,
	STEP_NOT,
	STEP_SKIP_IF_TRUE,
	STEP_SKIP_IF_FALSE,
} StepType;

typedef struct {
	StepType type;
	guint field;	 /* of an address: 0 is the source's */
	guint target;	 /* the step that is next, if it is skipped to */
	FlowReader read; /* of a number */
	FlowValue value;
} Step;

struct FlowFilter {
	GArray *steps; /* of Step */
};

static bool fits_number(const Step *step, const FlowRecord *flow)
{
	uint64_t number = step->read(flow) & step->value.number.mask;

	return number >= step->value.number.low && number <= step->value.number.high;
}

static bool fits_address(const Step *step, const FlowRecord *flow)
{
	const uint8_t *address = step->field ? flow->key.destination : flow->key.source;
	const uint64_t *mask = step->value.address.mask, *bits = step->value.address.bits;
	uint64_t words[2];

	memcpy(words, address, sizeof(words));
	return flow->key.ip_version == step->value.address.ip_version &&
	       (words[0] & mask[0]) == bits[0] && (words[1] & mask[1]) == bits[1];
}

bool flowfilter_matches(const FlowFilter *filter, const FlowRecord *flow)
{
	const Step *steps = (const Step *)(const void *)filter->steps->data;
	bool truth = false;
	guint next;

	for (guint i = 0; i < filter->steps->len; i = next) {
		const Step *step = &steps[i];

		next = i + 1;
		switch (step->type) {
		case STEP_NUMBER:
			truth = fits_number(step, flow);
			break;
		case STEP_ADDRESS:
			truth = fits_address(step, flow);
			break;
		case STEP_NOT:
			truth = !truth;
			break;
		case STEP_SKIP_IF_TRUE:
		case STEP_SKIP_IF_FALSE:
			if (truth == (step->type == STEP_SKIP_IF_TRUE))
				next = step->target;
			break;
		}
	}
	return truth;
}

/* Which of the two fields of a term. */
typedef enum {
	SIDE_SOURCE,
	SIDE_DESTINATION,
	SIDE_EITHER,
	SIDE_BOTH,
} Side;

typedef struct {
	const FlowToken *token; /* the next one */
	GArray *steps;
	guint conditions;
	guint depth;
	const FlowTerm *term; /* the last word and its side, to which a value alone belongs */
	Side side;
	FlowInterfaces interfaces;
	void *user_data;
	bool of_packets;
} Parser;

static bool is_value(const FlowToken *token)
{
	return token->type == TOKEN_WORD &&
	       (g_ascii_isdigit(*token->text) || strchr(token->text, ':'));
}

static bool is_list(const FlowToken *token)
{
	return flowtoken_is_word(token, "in") ? token[1].type == TOKEN_OPEN_LIST :
						token->type == TOKEN_OPEN_LIST;
}

static guint add_step(Parser *parser, StepType type)
{
	Step step = { .type = type };

	g_array_append_val(parser->steps, step);
	return parser->steps->len - 1;
}

static Step *step_at(Parser *parser, guint index)
{
	return &g_array_index(parser->steps, Step, index);
}

static void end_skip(Parser *parser, guint skip)
{
	step_at(parser, skip)->target = parser->steps->len;
}

static bool add_condition(Parser *parser, const FlowToken *token, const Step *step, GError **error)
{
	if (++parser->conditions > FLOWFILTER_CONDITIONS_MAX) {
		flowtoken_fail(token, error,
			       "more than %d conditions, each value counting once a field",
			       FLOWFILTER_CONDITIONS_MAX);
		return false;
	}
	g_array_append_vals(parser->steps, step, 1);
	return true;
}

/* One field is any of @values. */
static bool add_field(Parser *parser, const FlowToken *token, const FlowTerm *term, guint field,
		      const GArray *values, GError **error)
{
	guint end = parser->steps->len + 2 * values->len - 1;

	for (guint i = 0; i < values->len; i++) {
		Step step = {
			.type = flowterm_is_address(term) ? STEP_ADDRESS : STEP_NUMBER,
			.field = field,
			.read = term->read[field],
			.value = g_array_index(values, FlowValue, i),
		};

		if (i)
			step_at(parser, add_step(parser, STEP_SKIP_IF_TRUE))->target = end;
		if (!add_condition(parser, token, &step, error))
			return false;
	}
	return true;
}

static bool add_fields(Parser *parser, const FlowToken *token, const FlowTerm *term, Side side,
		       const GArray *values, GError **error)
{
	bool has_two = term->has_sides || term->read[1];
	guint skip;

	if (side == SIDE_SOURCE || side == SIDE_DESTINATION || !has_two)
		return add_field(parser, token, term, side == SIDE_DESTINATION, values, error);
	if (!add_field(parser, token, term, 0, values, error))
		return false;
	skip = add_step(parser, side == SIDE_BOTH ? STEP_SKIP_IF_FALSE : STEP_SKIP_IF_TRUE);
	if (!add_field(parser, token, term, 1, values, error))
		return false;
	end_skip(parser, skip);
	return true;
}

static bool add_term(Parser *parser, const FlowToken *token, const FlowTerm *term, Side side,
		     FlowComparison comparison, const GArray *values, GError **error)
{
	Step applies = { .type = STEP_NUMBER,
			 .read = term->applies,
			 .value = flowterm_any_value() };
	guint skip = 0;

	if (term->applies) {
		if (!add_condition(parser, token, &applies, error))
			return false;
		skip = add_step(parser, STEP_SKIP_IF_FALSE);
	}
	if (!add_fields(parser, token, term, side, values, error))
		return false;
	if (term->applies)
		end_skip(parser, skip);
	if (comparison == FLOW_NOT_EQUAL)
		add_step(parser, STEP_NOT);
	return true;
}

static bool parse_value(Parser *parser, const FlowTerm *term, FlowComparison comparison,
			GArray *values, GError **error)
{
	const FlowToken *token = parser->token;
	g_autoptr(GError) reason = NULL;

	if (token->type != TOKEN_WORD && token->type != TOKEN_QUOTED) {
		g_autofree char *what = g_strdup_printf("a value of %s", term->words[0]);

		flowtoken_fail_expecting(token, error, what);
		return false;
	}
	if (!flowterm_parse(term, comparison, token->text, parser->interfaces, parser->user_data,
			    values, &reason)) {
		flowtoken_fail(token, error, "%s", reason->message);
		return false;
	}
	parser->token++;
	return true;
}

static bool parse_list(Parser *parser, const FlowTerm *term, FlowComparison comparison,
		       GArray *values, GError **error)
{
	const FlowToken *open;

	if (comparison > FLOW_NOT_EQUAL) {
		flowtoken_fail(parser->token, error, "a list can only be compared by = and !=");
		return false;
	}
	open = parser->token++;
	do {
		if (!parse_value(parser, term, comparison, values, error))
			return false;
		if (parser->token->type == TOKEN_COMMA)
			parser->token++;
		if (parser->token->type == TOKEN_END) {
			flowtoken_fail(open, error, "the list is not closed");
			return false;
		}
	} while (parser->token->type != TOKEN_CLOSE_LIST);
	parser->token++;
	return true;
}

static bool parse_comparison(Parser *parser, const FlowTerm *term, FlowComparison *comparison,
			     GError **error)
{
	*comparison = FLOW_IS;
	if (parser->token->type != TOKEN_COMPARISON)
		return true;
	*comparison = parser->token->comparison;
	if (*comparison > FLOW_NOT_EQUAL && !flowterm_is_ordered(term)) {
		flowtoken_fail(parser->token, error,
			       "%s can only be compared by = and !=", term->words[0]);
		return false;
	}
	parser->token++;
	return true;
}

static bool ends_term(const FlowToken *token)
{
	return token->type == TOKEN_END || token->type == TOKEN_AND || token->type == TOKEN_OR ||
	       token->type == TOKEN_CLOSE;
}

static bool parse_values(Parser *parser, const FlowTerm *term, FlowComparison *comparison,
			 GArray *values, GError **error)
{
	FlowValue any = flowterm_any_value();

	if (!parse_comparison(parser, term, comparison, error))
		return false;
	if (is_list(parser->token)) {
		if (parser->token->type == TOKEN_WORD)
			parser->token++;
		return parse_list(parser, term, *comparison, values, error);
	}
	if (*comparison != FLOW_IS || !flowterm_may_be_bare(term) || !ends_term(parser->token))
		return parse_value(parser, term, *comparison, values, error);
	g_array_append_val(values, any);
	return true;
}

/* What follows the word, which is @token. */
static bool parse_rest(Parser *parser, const FlowToken *token, const FlowTerm *term, Side side,
		       GError **error)
{
	g_autoptr(GArray) values = g_array_new(FALSE, FALSE, sizeof(FlowValue));
	FlowComparison comparison;

	return parse_values(parser, term, &comparison, values, error) &&
	       add_term(parser, token, term, side, comparison, values, error);
}

static bool take_one_side(const FlowToken *token, Side *side)
{
	*side = flowtoken_is_word(token, "dst") ? SIDE_DESTINATION : SIDE_SOURCE;
	return flowtoken_is_word(token, "src") || flowtoken_is_word(token, "dst");
}

/* Whether one is said. */
static bool take_side(Parser *parser, Side *side)
{
	TokenType between;
	Side other;

	if (!take_one_side(parser->token, side)) {
		*side = SIDE_EITHER;
		return false;
	}
	between = (++parser->token)->type;
	if ((between == TOKEN_AND || between == TOKEN_OR) &&
	    take_one_side(parser->token + 1, &other) && other != *side) {
		*side = between == TOKEN_AND ? SIDE_BOTH : SIDE_EITHER;
		parser->token += 2;
	}
	return true;
}

/* "src 10.0.0.1", or a value that belongs to the word before. */
static bool parse_value_alone(Parser *parser, bool has_side, Side side, GError **error)
{
	if (has_side) {
		parser->term = flowterm_find("host");
		parser->side = side;
	}
	return parse_rest(parser, parser->token, parser->term, parser->side, error);
}

static bool parse_word(Parser *parser, const FlowTerm *term, Side side, GError **error)
{
	const FlowToken *token = parser->token++;

	if (parser->of_packets && flowterm_is_of_many(term)) {
		flowtoken_fail(token, error, "a packet has no %s", term->words[0]);
		return false;
	}
	parser->term = term;
	parser->side = side;
	/* nfdump's "in if 3" */
	if ((flowtoken_is_word(token, "in") || flowtoken_is_word(token, "out")) &&
	    flowtoken_is_word(parser->token, "if"))
		parser->token++;
	return parse_rest(parser, token, term, side, error);
}

static void fail_unknown(const FlowToken *token, bool has_side, GError **error)
{
	g_autofree char *list = flowterm_list();
	g_autofree char *any = g_strdup_printf("src, dst, ip, ip6, a protocol, %s", list);
	const char *what = has_side		     ? "host, net, port or mac" :
			   token->type == TOKEN_WORD ? any :
						       "a term such as \"host 192.0.2.1\"";

	flowtoken_fail_expecting(token, error, what);
}

/* @was_alone: it was a name standing alone, to which more may be said. */
static bool parse_term(Parser *parser, bool *was_alone, GError **error)
{
	const FlowTerm *term = NULL, *alone = NULL;
	const FlowToken *token;
	bool has_side;
	Side side;

	has_side = take_side(parser, &side);
	token = parser->token;
	*was_alone = false;
	if (is_value(token))
		return parse_value_alone(parser, has_side, side, error);
	if (token->type == TOKEN_WORD) {
		term = flowterm_find(token->text);
		alone = flowterm_find_alone(token->text);
	}
	/* "ip" is the family, but "ip 192.0.2.1" a host. */
	if (alone && !has_side &&
	    (!term ||
	     !(is_value(token + 1) || is_list(token + 1) || token[1].type == TOKEN_COMPARISON))) {
		*was_alone = true;
		return parse_rest(parser, token, alone, SIDE_EITHER, error);
	}
	if (term && (term->has_sides || !has_side))
		return parse_word(parser, term, side, error);
	fail_unknown(token, has_side, error);
	return false;
}

/* "tcp port 80" is one, as in "not tcp port 80". */
static bool parse_terms(Parser *parser, GError **error)
{
	bool was_alone;
	guint skip;

	if (!parse_term(parser, &was_alone, error))
		return false;
	while (was_alone && parser->token->type == TOKEN_WORD) {
		skip = add_step(parser, STEP_SKIP_IF_FALSE);
		if (!parse_term(parser, &was_alone, error))
			return false;
		end_skip(parser, skip);
	}
	return true;
}

static bool parse_or(Parser *parser, GError **error);

static bool parse_parentheses(Parser *parser, GError **error)
{
	const FlowToken *open = parser->token++;

	if (++parser->depth > FLOWFILTER_DEPTH_MAX) {
		flowtoken_fail(open, error, "more than %d parentheses in each other",
			       FLOWFILTER_DEPTH_MAX);
		return false;
	}
	if (!parse_or(parser, error))
		return false;
	if (parser->token->type == TOKEN_END) {
		flowtoken_fail(open, error, "the parenthesis is not closed");
		return false;
	}
	if (parser->token->type != TOKEN_CLOSE) {
		flowtoken_fail_expecting(parser->token, error, "\"and\", \"or\" or \")\"");
		return false;
	}
	parser->token++;
	parser->depth--;
	return true;
}

static bool parse_not(Parser *parser, GError **error)
{
	bool negate = false;

	for (; parser->token->type == TOKEN_NOT; parser->token++)
		negate = !negate;
	if (parser->token->type == TOKEN_OPEN ? !parse_parentheses(parser, error) :
						!parse_terms(parser, error))
		return false;
	if (negate)
		add_step(parser, STEP_NOT);
	return true;
}

static bool parse_and(Parser *parser, GError **error)
{
	if (!parse_not(parser, error))
		return false;
	while (parser->token->type == TOKEN_AND) {
		guint skip = add_step(parser, STEP_SKIP_IF_FALSE);

		parser->token++;
		if (!parse_not(parser, error))
			return false;
		end_skip(parser, skip);
	}
	return true;
}

/* Recursive by parentheses, whose depth is bounded. */
static bool parse_or(Parser *parser, GError **error)
{
	if (!parse_and(parser, error))
		return false;
	while (parser->token->type == TOKEN_OR) {
		guint skip = add_step(parser, STEP_SKIP_IF_TRUE);

		parser->token++;
		if (!parse_and(parser, error))
			return false;
		end_skip(parser, skip);
	}
	return true;
}

static bool parse(Parser *parser, GError **error)
{
	if (parser->token->type == TOKEN_END) {
		error_set(error, "the filter is empty");
		return false;
	}
	if (!parse_or(parser, error))
		return false;
	if (parser->token->type == TOKEN_CLOSE) {
		flowtoken_fail(parser->token, error, "the parenthesis was not opened");
		return false;
	}
	if (parser->token->type != TOKEN_END) {
		flowtoken_fail_expecting(parser->token, error, "\"and\", \"or\" or the end");
		return false;
	}
	return true;
}

static FlowFilter *compile(const char *text, Parser *parser, GError **error)
{
	g_autoptr(FlowFilter) filter = g_new0(FlowFilter, 1);
	g_autoptr(GArray) tokens = NULL;

	if (strnlen(text, FLOWFILTER_TEXT_MAX + 1) > FLOWFILTER_TEXT_MAX) {
		error_set(error, "the filter is longer than %d octets", FLOWFILTER_TEXT_MAX);
		return NULL;
	}
	tokens = flowtokens_new(text, error);
	if (!tokens)
		return NULL;
	filter->steps = g_array_new(FALSE, FALSE, sizeof(Step));
	parser->steps = filter->steps;
	parser->token = &g_array_index(tokens, FlowToken, 0);
	parser->term = flowterm_find("host");
	parser->side = SIDE_EITHER;
	return parse(parser, error) ? g_steal_pointer(&filter) : NULL;
}

FlowFilter *flowfilter_new(const char *text, FlowInterfaces interfaces, void *user_data,
			   GError **error)
{
	Parser parser = { .interfaces = interfaces, .user_data = user_data };

	return compile(text, &parser, error);
}

FlowFilter *flowfilter_new_of_packets(const char *text, FlowInterfaces interfaces, void *user_data,
				      GError **error)
{
	Parser parser = { .interfaces = interfaces, .user_data = user_data, .of_packets = true };

	return compile(text, &parser, error);
}

void flowfilter_free(FlowFilter *filter)
{
	if (!filter)
		return;
	g_clear_pointer(&filter->steps, g_array_unref);
	g_free(filter);
}
