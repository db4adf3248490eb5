//! S3's documents. Two are the same when they say the same, in whatever order and spelling.

use quick_xml::Reader;
use quick_xml::events::Event;

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// A document as it was written.
#[derive(Debug, Clone)]
pub(crate) struct Xml(String);

impl Xml {
    /// A document as S3 writes it.
    pub(crate) fn of(root: &str, inner: &str) -> Self {
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
        Self(format!("{head}\n<{root} xmlns=\"{NAMESPACE}\">{inner}</{root}>"))
    }

    /// A document that somebody sent, where it is one.
    pub(crate) fn read(text: &str) -> Option<Self> {
        Element::read(text).map(|_| Self(text.to_owned()))
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// What it says.
    pub(crate) fn root(&self) -> Element {
        Element::read(&self.0).expect("S3's own document")
    }
}

impl PartialEq for Xml {
    fn eq(&self, other: &Self) -> bool {
        self.root() == other.root()
    }
}

impl Eq for Xml {}

/// An element. Its children are sorted: their order says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) children: Vec<Self>,
}

impl Element {
    fn read(text: &str) -> Option<Self> {
        let mut reader = Reader::from_str(text);
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().ok()? {
                Event::Start(element) => open.push(Self::named(element.name().as_ref())),
                Event::Empty(element) => open.last_mut()?.children.push(Self::named(element.name().as_ref())),
                Event::End(_) => {
                    let mut done = open.pop()?;
                    done.children.sort();
                    done.text = done.text.trim().to_owned();
                    open.last_mut()?.children.push(done);
                }
                Event::Text(text) => open.last_mut()?.text.push_str(&text),
                Event::GeneralRef(reference) => {
                    let resolved = match reference.resolve_char_ref().ok()? {
                        Some(c) => c.to_string(),
                        None => quick_xml::escape::resolve_predefined_entity(&reference)?.to_owned(),
                    };
                    open.last_mut()?.text.push_str(&resolved);
                }
                Event::Eof => break,
                _ => {}
            }
        }
        let root = open.pop().filter(|_| open.is_empty())?.children.pop()?;
        Some(root)
    }

    fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Its children of this name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// Its first child of this name.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of a child.
    pub(crate) fn says(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }

    /// As text.
    pub(crate) fn written(&self) -> String {
        let Self { name, text, children } = self;
        let inner: String = children.iter().map(Self::written).collect();
        format!("<{name}>{}{inner}</{name}>", escaped(text))
    }
}

/// Text between two tags.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\r', "&#13;")
}
