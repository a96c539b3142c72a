//! Functions about texts: no shelf is needed for them.

use terraform_plugin::{Function, FunctionError, Nested, Path};

/// Counts the words of a text, and how often one of them occurs.
///
/// With no word to look for, `occurs` is the number of all of them.
#[derive(Nested, Clone)]
pub(crate) struct Count {
    /// The text.
    #[attr(required)]
    pub text: String,
    /// The word to look for; null for any.
    #[attr(optional, regex = "[a-z]+", says = "lower-case letters")]
    pub word: Option<String>,
}

/// What was counted.
#[derive(Nested, Clone, Debug, PartialEq)]
pub(crate) struct Counted {
    /// Words in all.
    #[attr(computed)]
    pub words: i64,
    /// How often the word occurs.
    #[attr(computed)]
    pub occurs: i64,
}

impl Function for Count {
    const NAME: &'static str = "count";
    type Returns = Counted;

    fn call(self) -> Result<Counted, FunctionError> {
        let words: Vec<&str> = self.text.split_whitespace().collect();
        let occurs = words.iter().filter(|found| self.word.as_ref().is_none_or(|word| word == *found)).count();
        let number = |n: usize| i64::try_from(n).map_err(|_| FunctionError::new("It is too long a text.").at("text"));
        Ok(Counted { words: number(words.len())?, occurs: number(occurs)? })
    }
}

/// Joins texts to lines of one text.
#[derive(Nested, Clone)]
pub(crate) struct Lines {
    /// What each line begins with.
    #[attr(required)]
    pub mark: String,
    /// The lines.
    #[attr(required)]
    pub lines: Vec<String>,
}

impl Function for Lines {
    const NAME: &'static str = "lines";
    const VARIADIC: bool = true;
    type Returns = String;

    fn call(self) -> Result<String, FunctionError> {
        assert!(self.mark != "!", "the mark is a nib that breaks");
        if let Some(place) = self.lines.iter().position(|line| line.contains('\n')) {
            let path = Path::attr("lines").index(place);
            return Err(FunctionError::new("It has several lines itself; give them one by one.").at(path));
        }
        Ok(self.lines.iter().map(|line| format!("{}{line}\n", self.mark)).collect())
    }
}
