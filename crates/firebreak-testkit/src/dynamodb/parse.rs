//! From the text of an expression to its meaning: one tokenizer and one recursive descent for conditions, updates and
//! projections.
//!
//! The grammar is the developer guide's, with three additions from Scylla's `test/alternator`, whose authors hold their tests
//! against DynamoDB: keywords have no case, functions have one, and a name begins with a letter. Parentheses go around
//! conditions. DynamoDB allows them around an operand as well; here they are refused.

use super::Refusal;
use super::expression::{Comparator, Condition, Operand, Path, Step, apart};
use super::update::{Action, Source, Update};
use super::value::{Item, Value, item_from_wire};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The names and values that a request's expressions refer to.
#[derive(Debug)]
pub(super) struct Placeholders {
    names: BTreeMap<String, String>,
    values: Item,
    used: BTreeSet<String>,
}

impl Placeholders {
    /// Those of a request.
    pub(super) fn of(body: &Json) -> Result<Self, Refusal> {
        let names = body["ExpressionAttributeNames"].as_object().into_iter().flatten();
        let names = names.filter_map(|(key, name)| Some((key.clone(), name.as_str()?.to_owned()))).collect();
        let values = &body["ExpressionAttributeValues"];
        let values = if values.is_null() { Item::new() } else { item_from_wire(values)? };
        Ok(Self { names, values, used: BTreeSet::new() })
    }

    /// DynamoDB refuses what no expression uses. Call this when all of them are parsed.
    pub(super) fn all_used(&self) -> Result<(), Refusal> {
        for (field, keys) in [
            ("ExpressionAttributeNames", self.names.keys().collect::<Vec<_>>()),
            ("ExpressionAttributeValues", self.values.keys().collect()),
        ] {
            let unused: Vec<&str> = keys.into_iter().filter(|key| !self.used.contains(*key)).map(String::as_str).collect();
            if !unused.is_empty() {
                let keys = unused.join(", ");
                return Err(Refusal::validation(format!("Value provided in {field} unused in expressions: keys: {{{keys}}}")));
            }
        }
        Ok(())
    }
}

/// Parses a condition, filter or key condition. `field` is the request's field it is in.
pub(super) fn condition(field: &'static str, text: &str, placeholders: &mut Placeholders) -> Result<Condition, Refusal> {
    Parser::run(field, text, placeholders, Parser::disjunction)
}

/// Parses an update expression.
pub(super) fn update(text: &str, placeholders: &mut Placeholders) -> Result<Update, Refusal> {
    Parser::run("UpdateExpression", text, placeholders, Parser::update)
}

/// Parses a projection: the paths that are wanted.
pub(super) fn projection(text: &str, placeholders: &mut Placeholders) -> Result<Vec<Path>, Refusal> {
    Parser::run("ProjectionExpression", text, placeholders, Parser::projection)
}

/// Names begin with `#`, values with `:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'t> {
    Word(&'t str),
    Name(&'t str),
    Value(&'t str),
    Digits(&'t str),
    Symbol(&'static str),
}

/// Longer ones first: `<>` is not `<` and `>`.
const SYMBOLS: [&str; 14] = ["<>", "<=", ">=", "=", "<", ">", "(", ")", "[", "]", ",", ".", "+", "-"];

fn tokens(text: &str) -> Result<Vec<Token<'_>>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_ascii_start();
    while let Some(first) = rest.chars().next() {
        let name_end =
            |from: usize| from + rest.bytes().skip(from).take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (end, token) = match first {
            'a'..='z' | 'A'..='Z' => (name_end(0), Token::Word(&rest[..name_end(0)])),
            '#' if name_end(1) > 1 => (name_end(1), Token::Name(&rest[..name_end(1)])),
            ':' if name_end(1) > 1 => (name_end(1), Token::Value(&rest[..name_end(1)])),
            '0'..='9' => (digits, Token::Digits(&rest[..digits])),
            _ => match SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
                Some(symbol) => (symbol.len(), Token::Symbol(symbol)),
                None => return Err(format!("Syntax error; token: \"{first}\", near: \"{rest}\"")),
            },
        };
        tokens.push(token);
        rest = rest[end..].trim_ascii_start();
    }
    Ok(tokens)
}

struct Parser<'t, 'p> {
    field: &'static str,
    tokens: Vec<Token<'t>>,
    at: usize,
    placeholders: &'p mut Placeholders,
}

impl<'t, 'p> Parser<'t, 'p> {
    /// Parses all of `text` as one thing.
    fn run<T>(
        field: &'static str,
        text: &'t str,
        placeholders: &'p mut Placeholders,
        parse: impl FnOnce(&mut Self) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut parser = Self { field, tokens: Vec::new(), at: 0, placeholders };
        parser.tokens = tokens(text).map_err(|message| parser.invalid(message))?;
        if parser.tokens.is_empty() {
            return Err(parser.invalid("The expression can not be empty;"));
        }
        let parsed = parse(&mut parser)?;
        if parser.at < parser.tokens.len() { Err(parser.unexpected()) } else { Ok(parsed) }
    }

    fn invalid(&self, message: impl fmt::Display) -> Refusal {
        Refusal::validation(format!("Invalid {}: {message}", self.field))
    }

    fn undefined(&self, kind: &str, place: &str, key: &str) -> Refusal {
        self.invalid(format_args!("An expression attribute {kind} used in {place} is not defined; attribute {kind}: {key}"))
    }

    fn unexpected(&self) -> Refusal {
        match self.peek() {
            Some(token) => self.invalid(format_args!("Syntax error; token: {token:?}, number {}", self.at + 1)),
            None => self.invalid("Syntax error; token: <EOF>"),
        }
    }

    fn peek(&self) -> Option<Token<'t>> {
        self.tokens.get(self.at).copied()
    }

    /// The word that is followed by a parenthesis here: a function's name. A keyword before a parenthesis is looked for before.
    fn called(&self) -> Option<&'t str> {
        match (self.peek(), self.tokens.get(self.at + 1)) {
            (Some(Token::Word(word)), Some(Token::Symbol("("))) => Some(word),
            _ => None,
        }
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Symbol(next)) if next == symbol);
        self.at += usize::from(found);
        found
    }

    fn require(&mut self, symbol: &str) -> Result<(), Refusal> {
        if self.accept(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.at += usize::from(found);
        found
    }

    /// Things of one kind with commas between them.
    fn list<T>(&mut self, one: impl Fn(&mut Self) -> Result<T, Refusal>) -> Result<Vec<T>, Refusal> {
        let mut all = vec![one(self)?];
        while self.accept(",") {
            all.push(one(self)?);
        }
        Ok(all)
    }

    fn disjunction(&mut self) -> Result<Condition, Refusal> {
        let mut left = self.conjunction()?;
        while self.keyword("OR") {
            left = Condition::Or(Box::new(left), Box::new(self.conjunction()?));
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Result<Condition, Refusal> {
        let mut left = self.negation()?;
        while self.keyword("AND") {
            left = Condition::And(Box::new(left), Box::new(self.negation()?));
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Condition, Refusal> {
        if self.keyword("NOT") { Ok(Condition::Not(Box::new(self.negation()?))) } else { self.simple_condition() }
    }

    fn simple_condition(&mut self) -> Result<Condition, Refusal> {
        if self.accept("(") {
            let from = self.at;
            let inner = self.disjunction()?;
            if is_parenthesised(&self.tokens[from..self.at]) {
                return Err(self.invalid("The expression has redundant parentheses;"));
            }
            return self.require(")").map(|()| inner);
        }
        if let Some(function) = self.called().filter(|function| *function != "size") {
            self.at += 2;
            let operands = self.list(Self::operand)?;
            self.require(")")?;
            return Condition::function(function, operands).map_err(|message| self.invalid(message));
        }
        let left = self.operand()?;
        self.comparison(left)
    }

    fn comparison(&mut self, left: Operand) -> Result<Condition, Refusal> {
        if self.keyword("BETWEEN") {
            let low = self.operand()?;
            if !self.keyword("AND") {
                return Err(self.unexpected());
            }
            let high = self.operand()?;
            return Condition::between(left, low, high).map_err(|message| self.invalid(message));
        }
        if self.keyword("IN") {
            self.require("(")?;
            let list = self.list(Self::operand)?;
            return self.require(")").map(|()| Condition::In(left, list));
        }
        let Some(Token::Symbol(symbol)) = self.peek() else { return Err(self.unexpected()) };
        let comparator = Comparator::of(symbol).ok_or_else(|| self.unexpected())?;
        self.at += 1;
        let right = self.operand()?;
        Condition::compare(left, comparator, right).map_err(|message| self.invalid(message))
    }

    fn operand(&mut self) -> Result<Operand, Refusal> {
        match self.called() {
            Some("size") => {
                self.at += 2;
                let path = self.path()?;
                self.require(")").map(|()| Operand::Size(path))
            }
            Some(function) => {
                let message = "The function is not allowed to be used this way in an expression";
                Err(self.invalid(format_args!("{message}; function: {function}")))
            }
            None if matches!(self.peek(), Some(Token::Value(_))) => self.value().map(Operand::Value),
            None => self.path().map(Operand::Path),
        }
    }

    fn update(&mut self) -> Result<Update, Refusal> {
        let (mut actions, mut sections) = (Vec::new(), BTreeSet::new());
        while self.peek().is_some() {
            let found = ["SET", "REMOVE", "ADD", "DELETE"].into_iter().find(|section| self.keyword(section));
            let section = found.ok_or_else(|| self.unexpected())?;
            if !sections.insert(section) {
                let message = format!("The \"{section}\" section can only be used once in an update expression;");
                return Err(self.invalid(message));
            }
            actions.extend(self.list(|parser| parser.action(section))?);
        }
        Update::new(actions).map_err(|message| self.invalid(message))
    }

    fn action(&mut self, section: &str) -> Result<Action, Refusal> {
        let path = self.path()?;
        match section {
            "SET" => {
                self.require("=")?;
                let left = self.source()?;
                let source = if self.accept("+") {
                    Source::Plus(Box::new(left), Box::new(self.source()?))
                } else if self.accept("-") {
                    Source::Minus(Box::new(left), Box::new(self.source()?))
                } else {
                    left
                };
                Ok(Action::Set(path, source))
            }
            "ADD" => Ok(Action::Add(path, self.value()?)),
            "DELETE" => Ok(Action::Delete(path, self.value()?)),
            _ => Ok(Action::Remove(path)),
        }
    }

    fn source(&mut self) -> Result<Source, Refusal> {
        if let Some(function) = self.called() {
            self.at += 2;
            let operands = self.list(Self::source)?;
            self.require(")")?;
            return Source::function(function, operands).map_err(|message| self.invalid(message));
        }
        if matches!(self.peek(), Some(Token::Value(_))) { self.value().map(Source::Value) } else { self.path().map(Source::Path) }
    }

    fn projection(&mut self) -> Result<Vec<Path>, Refusal> {
        let paths = self.list(Self::path)?;
        apart(&paths.iter().collect::<Vec<_>>()).map_err(|message| self.invalid(message))?;
        Ok(paths)
    }

    fn path(&mut self) -> Result<Path, Refusal> {
        let (root, mut rest) = (self.name()?, Vec::new());
        loop {
            if self.accept(".") {
                rest.push(Step::Name(self.name()?));
            } else if self.accept("[") {
                let Some(Token::Digits(digits)) = self.peek() else { return Err(self.unexpected()) };
                rest.push(Step::At(digits.parse().map_err(|_| self.unexpected())?));
                self.at += 1;
                self.require("]")?;
            } else {
                return Ok(Path { root, rest });
            }
        }
    }

    fn name(&mut self) -> Result<String, Refusal> {
        let name = match self.peek() {
            Some(Token::Word(word)) if is_reserved(word) => {
                return Err(self.invalid(format_args!("Attribute name is a reserved keyword; reserved keyword: {word}")));
            }
            Some(Token::Word(word)) => word.to_owned(),
            Some(Token::Name(key)) => {
                self.placeholders.used.insert(key.to_owned());
                self.placeholders.names.get(key).cloned().ok_or_else(|| self.undefined("name", "the document path", key))?
            }
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(name)
    }

    fn value(&mut self) -> Result<Value, Refusal> {
        let Some(Token::Value(key)) = self.peek() else { return Err(self.unexpected()) };
        self.placeholders.used.insert(key.to_owned());
        let value = self.placeholders.values.get(key).cloned().ok_or_else(|| self.undefined("value", "expression", key))?;
        self.at += 1;
        Ok(value)
    }
}

/// Whether the first token is a parenthesis that the last one closes.
fn is_parenthesised(tokens: &[Token<'_>]) -> bool {
    let mut depth = 0_i64;
    let closed = tokens.iter().position(|token| {
        depth += match token {
            Token::Symbol("(") => 1,
            Token::Symbol(")") => -1,
            _ => 0,
        };
        depth == 0
    });
    closed.is_some_and(|at| at > 0 && at + 1 == tokens.len())
}

fn is_reserved(word: &str) -> bool {
    RESERVED.split_ascii_whitespace().any(|reserved| reserved.eq_ignore_ascii_case(word))
}

/// All 573 words of "Reserved words in DynamoDB" in the developer guide, its misspelt ones included.
const RESERVED: &str = "\
    abort absolute action add after agent aggregate all allocate alter analyze and any archive are array as asc ascii asensitive \
    assertion asymmetric at atomic attach attribute auth authorization authorize auto avg back backup base batch before begin \
    between bigint binary bit blob block boolean both breadth bucket bulk by byte call called calling capacity cascade cascaded \
    case cast catalog char character check class clob close cluster clustered clustering clusters coalesce collate collation \
    collection column columns combine comment commit compact compile compress condition conflict connect connection consistency \
    consistent constraint constraints constructor consumed continue convert copy corresponding count counter create cross cube \
    current cursor cycle data database date datetime day deallocate dec decimal declare default deferrable deferred define \
    defined definition delete delimited depth deref desc describe descriptor detach deterministic diagnostics directories \
    disable disconnect distinct distribute do domain double drop dump duration dynamic each element else elseif empty enable end \
    equal equals error escape escaped eval evaluate exceeded except exception exceptions exclusive exec execute exists exit \
    explain explode export expression extended external extract fail false family fetch fields file filter filtering final \
    finish first fixed flattern float for force foreign format forward found free from full function functions general generate \
    get glob global go goto grant greater group grouping handler hash have having heap hidden hold hour identified identity if \
    ignore immediate import in including inclusive increment incremental index indexed indexes indicator infinite initially \
    inline inner innter inout input insensitive insert instead int integer intersect interval into invalidate is isolation item \
    items iterate join key keys lag language large last lateral lead leading leave left length less level like limit limited \
    lines list load local localtime localtimestamp location locator lock locks log loged long loop lower map match materialized \
    max maxlen member merge method metrics min minus minute missing mod mode modifies modify module month multi multiset name \
    names national natural nchar nclob new next no none not null nullif number numeric object of offline offset old on online \
    only opaque open operator option or order ordinality other others out outer output over overlaps override owner pad parallel \
    parameter parameters partial partition partitioned partitions path percent percentile permission permissions pipe pipelined \
    plan pool position precision prepare preserve primary prior private privileges procedure processed project projection \
    property provisioning public put query quit quorum raise random range rank raw read reads real rebuild record recursive \
    reduce ref reference references referencing regexp region reindex relative release remainder rename repeat replace request \
    reset resignal resource response restore restrict result return returning returns reverse revoke right role roles rollback \
    rollup routine row rows rule rules sample satisfies save savepoint scan schema scope scroll search second section segment \
    segments select self semi sensitive separate sequence serializable session set sets shard share shared short show signal \
    similar size skewed smallint snapshot some source space spaces sparse specific specifictype split sql sqlcode sqlerror \
    sqlexception sqlstate sqlwarning start state static status storage store stored stream string struct style sub submultiset \
    subpartition substring subtype sum super symmetric synonym system table tablesample temp temporary terminated text than then \
    throughput time timestamp timezone tinyint to token total touch trailing transaction transform translate translation treat \
    trigger trim true truncate ttl tuple type under undo union unique unit unknown unlogged unnest unprocessed unsigned until \
    update upper url usage use user users using uuid vacuum value valued values varchar variable variance varint varying view \
    views virtual void wait when whenever where while window with within without work wrapped write year zone";
