//! Reads shell text: simple commands, pipelines, lists, groups, functions, `for` loops, quoting and substitution.

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Simple(Simple),
    Pipe(Vec<Command>),
    And(Box<Command>, Box<Command>),
    Or(Box<Command>, Box<Command>),
    List(Vec<Command>),
    Function(String, Box<Command>),
    For(String, Vec<Word>, Box<Command>),
    /// A group with redirections of its own.
    Group(Box<Command>, Vec<Redirect>),
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Simple {
    pub(super) assigns: Vec<(String, Word)>,
    pub(super) words: Vec<Word>,
    pub(super) redirects: Vec<Redirect>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Redirect {
    /// 0, 1 or 2.
    pub(super) fd: u8,
    pub(super) to: Target,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Read(Word),
    Write(Word),
    Append(Word),
    /// `2>&1`
    Fd(u8),
}

/// A word before expansion.
pub(super) type Word = Vec<Piece>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Var { name: String, quoted: bool },
    Sub { command: Command, quoted: bool },
}

/// Why a text is no command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// More is to come: an open quote, a loop without its end.
    Incomplete,
    /// This is out of place.
    Syntax(String),
}

/// Reads a whole text.
pub(super) fn parse(text: &str) -> Result<Command, Fault> {
    let mut parser = Parser { text: text.chars().collect(), at: 0 };
    let list = parser.list(&[])?;
    match parser.peek() {
        None => Ok(list),
        Some(c) => Err(Fault::Syntax(c.to_string())),
    }
}

struct Parser {
    text: Vec<char>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn starts(&self, with: &str) -> bool {
        with.chars().enumerate().all(|(i, c)| self.text.get(self.at + i) == Some(&c))
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.starts(text);
        if found {
            self.at += text.chars().count();
        }
        found
    }

    fn blanks(&mut self) {
        loop {
            if self.take("\\\n") {
                continue;
            }
            match self.peek() {
                Some(' ' | '\t') => self.at += 1,
                Some('#') => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    fn gaps(&mut self) {
        self.blanks();
        while let Some('\n' | ';') = self.peek() {
            self.at += 1;
            self.blanks();
        }
    }

    /// The reserved word that comes next, if there is one.
    fn reserved(&self) -> Option<&'static str> {
        ["do", "done", "for", "}", "{"].into_iter().find(|word| {
            let after = self.text.get(self.at + word.len());
            self.starts(word) && after.is_none_or(|c| " \t\n;|&)<>".contains(*c))
        })
    }

    fn list(&mut self, until: &[&str]) -> Result<Command, Fault> {
        let mut commands = Vec::new();
        loop {
            self.gaps();
            let ends = |word: &&str| if *word == ")" { self.starts(")") } else { self.reserved() == Some(word) };
            if self.peek().is_none() || until.iter().any(ends) {
                return Ok(Command::List(commands));
            }
            commands.push(self.and_or()?);
            self.blanks();
            match self.peek() {
                None | Some(';' | '\n') => {}
                Some(_) if until.iter().any(|word| self.starts(word)) => {}
                Some(c) => return Err(Fault::Syntax(c.to_string())),
            }
        }
    }

    fn and_or(&mut self) -> Result<Command, Fault> {
        let mut left = self.pipe()?;
        loop {
            self.blanks();
            let make: fn(Box<Command>, Box<Command>) -> Command = match () {
                () if self.take("&&") => Command::And,
                () if self.take("||") => Command::Or,
                () => return Ok(left),
            };
            self.newlines()?;
            left = make(Box::new(left), Box::new(self.pipe()?));
        }
    }

    /// What follows may begin on another line.
    fn newlines(&mut self) -> Result<(), Fault> {
        self.blanks();
        while self.take("\n") {
            self.blanks();
        }
        if self.peek().is_none() { Err(Fault::Incomplete) } else { Ok(()) }
    }

    fn pipe(&mut self) -> Result<Command, Fault> {
        let first = self.command()?;
        let mut all = vec![first];
        loop {
            self.blanks();
            if self.starts("||") || !self.take("|") {
                break;
            }
            self.newlines()?;
            all.push(self.command()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Command::Pipe(all) })
    }

    fn command(&mut self) -> Result<Command, Fault> {
        match self.reserved() {
            Some("{") => {
                self.at += 1;
                let body = self.body("}")?;
                let mut redirects = Vec::new();
                loop {
                    self.blanks();
                    match self.redirect()? {
                        Some(redirect) => redirects.push(redirect),
                        None => return Ok(Command::Group(Box::new(body), redirects)),
                    }
                }
            }
            Some("for") => {
                self.at += 3;
                self.blanks();
                let name = self.name();
                self.blanks();
                if !self.take("in") {
                    return Err(Fault::Syntax(name));
                }
                let mut words = Vec::new();
                loop {
                    self.blanks();
                    match self.word()? {
                        Some(word) => words.push(word),
                        None => break,
                    }
                }
                self.gaps();
                if self.reserved() != Some("do") {
                    return Err(if self.peek().is_none() { Fault::Incomplete } else { Fault::Syntax("for".into()) });
                }
                self.at += 2;
                Ok(Command::For(name, words, Box::new(self.body("done")?)))
            }
            Some(word) => Err(Fault::Syntax(word.into())),
            None => self.simple(),
        }
    }

    fn body(&mut self, end: &'static str) -> Result<Command, Fault> {
        let body = self.list(&[end])?;
        if self.take(end) { Ok(body) } else { Err(Fault::Incomplete) }
    }

    fn simple(&mut self) -> Result<Command, Fault> {
        let mut simple = Simple::default();
        loop {
            self.blanks();
            if let Some(redirect) = self.redirect()? {
                simple.redirects.push(redirect);
                continue;
            }
            if simple.words.is_empty() {
                let before = self.at;
                let name = self.name();
                if !name.is_empty() && self.take("=") {
                    simple.assigns.push((name, self.word()?.unwrap_or_default()));
                    continue;
                }
                if !name.is_empty() && self.take("()") {
                    self.newlines()?;
                    return Ok(Command::Function(name, Box::new(self.command()?)));
                }
                self.at = before;
            }
            match self.word()? {
                Some(word) => simple.words.push(word),
                None => break,
            }
        }
        if simple == Simple::default() {
            return Err(self.peek().map_or(Fault::Incomplete, |c| Fault::Syntax(c.to_string())));
        }
        Ok(Command::Simple(simple))
    }

    fn redirect(&mut self) -> Result<Option<Redirect>, Fault> {
        let (before, mut fd) = (self.at, None);
        if let Some(digit @ '0'..='2') = self.peek()
            && self.text.get(self.at + 1).is_some_and(|c| "<>".contains(*c))
        {
            fd = Some(digit as u8 - b'0');
            self.at += 1;
        }
        let make: fn(Word) -> Target = match () {
            () if self.take(">&") => {
                let Some(digit @ '1'..='2') = self.peek() else { return Err(Fault::Syntax(">&".into())) };
                self.at += 1;
                return Ok(Some(Redirect { fd: fd.unwrap_or(1), to: Target::Fd(digit as u8 - b'0') }));
            }
            () if self.take(">>") => Target::Append,
            () if self.take(">") => Target::Write,
            () if self.take("<") => Target::Read,
            () => {
                self.at = before;
                return Ok(None);
            }
        };
        self.blanks();
        let word = self.word()?.ok_or_else(|| Fault::Syntax("newline".into()))?;
        let to = make(word);
        let fd = fd.unwrap_or(if matches!(to, Target::Read(_)) { 0 } else { 1 });
        Ok(Some(Redirect { fd, to }))
    }

    fn name(&mut self) -> String {
        let begin = self.at;
        while self
            .peek()
            .is_some_and(|c| c == '_' || c.is_ascii_alphabetic() || (self.at > begin && c.is_ascii_digit()))
        {
            self.at += 1;
        }
        self.text[begin..self.at].iter().collect()
    }

    fn word(&mut self) -> Result<Option<Word>, Fault> {
        let mut word = Word::new();
        let mut any = false;
        loop {
            match self.peek() {
                None | Some(' ' | '\t' | '\n' | ';' | '|' | '&' | '<' | '>' | ')' | '(') => break,
                Some('\'') => {
                    self.at += 1;
                    let mut text = String::new();
                    loop {
                        match self.peek().ok_or(Fault::Incomplete)? {
                            '\'' => break,
                            c => text.push(c),
                        }
                        self.at += 1;
                    }
                    self.at += 1;
                    word.push(Piece::Text(text));
                }
                Some('"') => {
                    self.at += 1;
                    self.quoted(&mut word)?;
                }
                Some('\\') => {
                    self.at += 1;
                    let c = self.peek().ok_or(Fault::Incomplete)?;
                    self.at += 1;
                    if c != '\n' {
                        word.push(Piece::Text(c.to_string()));
                    }
                }
                Some('$') => self.dollar(&mut word, false)?,
                Some(c) => {
                    self.at += 1;
                    word.push(Piece::Text(c.to_string()));
                }
            }
            any = true;
        }
        Ok(any.then_some(word))
    }

    fn quoted(&mut self, word: &mut Word) -> Result<(), Fault> {
        // Even nothing in quotes is a word.
        word.push(Piece::Text(String::new()));
        loop {
            match self.peek().ok_or(Fault::Incomplete)? {
                '"' => {
                    self.at += 1;
                    return Ok(());
                }
                '\\' => {
                    self.at += 1;
                    let c = self.peek().ok_or(Fault::Incomplete)?;
                    self.at += 1;
                    match c {
                        '"' | '\\' | '$' | '`' => word.push(Piece::Text(c.to_string())),
                        '\n' => {}
                        c => word.push(Piece::Text(format!("\\{c}"))),
                    }
                }
                '$' => self.dollar(word, true)?,
                c => {
                    self.at += 1;
                    word.push(Piece::Text(c.to_string()));
                }
            }
        }
    }

    fn dollar(&mut self, word: &mut Word, quoted: bool) -> Result<(), Fault> {
        self.at += 1;
        if self.take("(") {
            let command = self.list(&[")"])?;
            if !self.take(")") {
                return Err(Fault::Incomplete);
            }
            word.push(Piece::Sub { command, quoted });
            return Ok(());
        }
        let braces = self.take("{");
        let mut name = self.name();
        if name.is_empty()
            && let Some(c @ ('?' | '@' | '*' | '#' | '$' | '0'..='9')) = self.peek()
        {
            self.at += 1;
            name = c.to_string();
        }
        if braces && !self.take("}") {
            return Err(Fault::Syntax("Bad substitution".into()));
        }
        word.push(if name.is_empty() { Piece::Text("$".into()) } else { Piece::Var { name, quoted } });
        Ok(())
    }
}
