//! What an expression may be.

use oxc_ast::ast::{
    CallExpression, ChainElement, Expression, IdentifierReference, ObjectExpression,
};

use oxc_semantic::SymbolId;

use super::{Follow, as_function, constructor, plain};
use crate::check::javascript::value::{Function, Value, Values};

/// How many objects or files may hand each other's properties on: a circle must end.
const DEEPEST: usize = 4;

/// How many parts of one expression are looked through, such as the calls in `a().b().c()`: for each
/// part all that it is made of is looked at.
const LONGEST: usize = 200;

/// What every part of `openapi` has because it is a function, and is no API: the SDK gives these.
pub(super) const OF_FUNCTIONS: [&str; 10] = [
    "apply",
    "arguments",
    "bind",
    "call",
    "caller",
    "constructor",
    "length",
    "name",
    "toJSON",
    "toString",
];

/// Functions that compilers wrap around what is required.
const WRAPPERS: [&str; 7] = [
    "__importDefault",
    "__importStar",
    "__toESM",
    "_interopRequireDefault",
    "_interopRequireWildcard",
    "_interop_require_default",
    "_interop_require_wildcard",
];

impl<'a> Follow<'a, '_> {
    /// What the expression may be.
    pub(super) fn value(&self, file: usize, expression: &'a Expression<'a>) -> Values<'a> {
        let depth = self.depth.get();
        if depth > LONGEST {
            return Values::unknown();
        }
        self.depth.set(depth + 1);
        let value = self.value_of(file, expression);
        self.depth.set(depth);
        value
    }

    fn value_of(&self, file: usize, expression: &'a Expression<'a>) -> Values<'a> {
        match plain(expression) {
            Expression::Identifier(name) => self.reference(file, name),
            Expression::StringLiteral(text) => Value::Text(text.value.as_str()).into(),
            Expression::TemplateLiteral(text) => match text.single_quasi() {
                Some(text) => Value::Text(text.as_str()).into(),
                None => Values::unknown(),
            },
            Expression::StaticMemberExpression(member) => {
                if is_global(self, file, &member.object, "module")
                    && member.property.name == "exports"
                {
                    return Value::Module(file).into();
                }
                let object = self.value(file, &member.object);
                self.members(&object, member.property.name.as_str())
            }
            Expression::PrivateFieldExpression(member) => {
                let object = self.value(file, &member.object);
                self.members(&object, member.field.name.as_str())
            }
            Expression::ComputedMemberExpression(member) => {
                let object = self.value(file, &member.object);
                self.computed(&object, file, &member.expression)
            }
            Expression::ChainExpression(chain) => match &chain.expression {
                ChainElement::CallExpression(call) => self.call(file, call),
                ChainElement::TSNonNullExpression(inner) => self.value(file, &inner.expression),
                ChainElement::StaticMemberExpression(member) => {
                    let object = self.value(file, &member.object);
                    self.members(&object, member.property.name.as_str())
                }
                ChainElement::ComputedMemberExpression(member) => {
                    let object = self.value(file, &member.object);
                    self.computed(&object, file, &member.expression)
                }
                ChainElement::PrivateFieldExpression(member) => {
                    let object = self.value(file, &member.object);
                    self.members(&object, member.field.name.as_str())
                }
            },
            Expression::CallExpression(call) => self.call(file, call),
            Expression::NewExpression(new) => self.made(&self.value(file, &new.callee)),
            Expression::ImportExpression(import) => {
                match self.value(file, &import.source).texts() {
                    Some(names) => self.any(names, |follow, name| follow.required(file, name)),
                    None => Values::unknown(),
                }
            }
            Expression::ConditionalExpression(either) => self
                .value(file, &either.consequent)
                .or(&self.value(file, &either.alternate)),
            Expression::LogicalExpression(either) => self
                .value(file, &either.left)
                .or(&self.value(file, &either.right)),
            Expression::SequenceExpression(sequence) => match sequence.expressions.last() {
                Some(last) => self.value(file, last),
                None => Values::unknown(),
            },
            Expression::AssignmentExpression(assignment) => self.value(file, &assignment.right),
            Expression::AwaitExpression(wait) => self.value(file, &wait.argument),
            Expression::ThisExpression(_) | Expression::Super(_) => Value::This(file).into(),
            Expression::ObjectExpression(object) => Value::Object(file, object).into(),
            Expression::ClassExpression(class) => {
                Value::Class(file, constructor(file, class)).into()
            }
            Expression::FunctionExpression(function) => match as_function(file, function) {
                Some(function) => Value::Function(function).into(),
                None => Values::unknown(),
            },
            Expression::ArrowFunctionExpression(arrow) => {
                let Some(scope) = arrow.scope_id.get() else {
                    return Values::unknown();
                };
                Value::Function(Function {
                    file,
                    scope,
                    parameters: &arrow.params,
                })
                .into()
            }
            _ => Values::unknown(),
        }
    }

    /// What a name stands for.
    pub(super) fn reference(&self, file: usize, name: &IdentifierReference<'a>) -> Values<'a> {
        let scoping = self.files[file].scoping();
        let symbol = name
            .reference_id
            .get()
            .and_then(|reference| scoping.get_reference(reference).symbol_id());
        match symbol {
            Some(symbol) => self.held(file, Some(symbol)),
            None if name.name == "exports" => Value::Module(file).into(),
            None => Values::unknown(),
        }
    }

    /// What a variable may hold. Nothing yet: what comes in later rounds is added then.
    pub(super) fn held(&self, file: usize, symbol: Option<SymbolId>) -> Values<'a> {
        let held = symbol.and_then(|symbol| self.variables.get(&(file, symbol)));
        held.cloned().unwrap_or_else(Values::unknown)
    }

    fn call(&self, file: usize, call: &'a CallExpression<'a>) -> Values<'a> {
        let argument = call
            .arguments
            .first()
            .and_then(|first| first.as_expression());
        if let Some(names) = required(self, file, call) {
            return self.any(names, |follow, name| follow.required(file, name));
        }
        if let Some(argument) = argument
            && WRAPPERS.contains(&last_name(&call.callee))
        {
            return self.value(file, argument);
        }
        if last_name(&call.callee) == "createRequire" {
            return Value::Require.into();
        }
        let callee = self.value(file, &call.callee);
        self.any(callee.known.clone(), |follow, callee| match callee {
            // `cloud.openapi({ convertCase: false })`.
            Value::OpenApi => Value::OpenApi.into(),
            Value::CloudClass => Value::Sdk.into(),
            Value::Function(function) => follow.returned(function),
            _ => Values::unknown(),
        })
    }

    /// What `new` makes.
    fn made(&self, callee: &Values<'a>) -> Values<'a> {
        self.any(callee.known.clone(), |_, callee| match callee {
            Value::CloudClass => Value::Sdk.into(),
            Value::Class(file, _) => Value::This(file).into(),
            Value::Function(function) => Value::This(function.file).into(),
            _ => Values::unknown(),
        })
    }

    pub(super) fn returned(&self, function: Function<'a>) -> Values<'a> {
        let returned = self.returns.get(&(function.file, function.scope));
        returned.cloned().unwrap_or_else(Values::unknown)
    }

    fn computed(&self, object: &Values<'a>, file: usize, key: &'a Expression<'a>) -> Values<'a> {
        match self.value(file, key).texts() {
            Some(names) => self.any(names, |follow, name| follow.members(object, name)),
            None => Values::unknown(),
        }
    }

    /// What `x.name` is, for all that `x` may be.
    pub(super) fn members(&self, values: &Values<'a>, name: &'a str) -> Values<'a> {
        let mut members = self.any(values.known.clone(), |follow, value| {
            follow.member(value, name)
        });
        members.or_else |= values.or_else;
        members
    }

    fn member(&self, value: Value<'a>, name: &'a str) -> Values<'a> {
        match value {
            Value::Sdk => match name {
                "openapi" => Value::OpenApi.into(),
                "default" => Value::Sdk.into(),
                "Cloud" | "createNewInstance" => Value::CloudClass.into(),
                _ => Values::unknown(),
            },
            Value::OpenApi if !OF_FUNCTIONS.contains(&name) => Value::Category(name).into(),
            Value::Module(module) => self.exported(module, name, DEEPEST),
            // What is static, or `this` in a static method, is not told from what is not.
            Value::This(file) | Value::Class(file, _) => self.own_of(file, name),
            Value::Object(file, object) => self.property(file, object, name, DEEPEST),
            _ => Values::unknown(),
        }
    }

    /// `this.name` in a file, and in those whose classes are of one family with its own.
    fn own_of(&self, file: usize, name: &'a str) -> Values<'a> {
        let mut family = vec![file];
        let mut values = Values::default();
        let mut at = 0;
        while let Some(&file) = family.get(at) {
            at += 1;
            if let Some(own) = self.own.get(&(file, name)) {
                values.add(own);
            }
            for other in self.families.get(&file).into_iter().flatten() {
                if !family.contains(other) {
                    family.push(*other);
                }
            }
        }
        if values == Values::default() {
            return Values::unknown();
        }
        values
    }

    /// What a file exports under a name. A circle of `export *` must end.
    fn exported(&self, module: usize, name: &'a str, left: usize) -> Values<'a> {
        let exports = &self.modules[module];
        let mut values = exports.named.get(name).cloned().unwrap_or_default();
        if name == "default" {
            // An ES module sees `module.exports` as the default.
            values.add(&exports.whole);
        }
        // `module.exports` of a file that exports itself would lead here again.
        for whole in &exports.whole.known {
            match whole {
                Value::Module(other) if *other == module || left == 0 => {}
                Value::Module(other) => {
                    values.add(&self.exported(*other, name, left - 1));
                }
                other => {
                    values.add(&self.member(*other, name));
                }
            }
        }
        if left > 0 && name != "default" {
            for other in &exports.all_of {
                values.add(&self.exported(*other, name, left - 1));
            }
        }
        values
    }

    fn property(
        &self,
        file: usize,
        object: &'a ObjectExpression<'a>,
        name: &'a str,
        left: usize,
    ) -> Values<'a> {
        let field = self.fields.get(&(file, object.span, name));
        let mut values = field.cloned().unwrap_or_default();
        if let Some(spreads) = self.spreads.get(&(file, object.span)) {
            for value in &spreads.known {
                match value {
                    Value::Object(file, object) if left > 0 => {
                        values.add(&self.property(*file, object, name, left - 1));
                    }
                    Value::Object(..) => {}
                    value => {
                        values.add(&self.member(*value, name));
                    }
                }
            }
        }
        values
    }

    fn any<T>(&self, all: Vec<T>, each: impl Fn(&Self, T) -> Values<'a>) -> Values<'a> {
        if all.is_empty() {
            return Values::unknown();
        }
        let mut values = Values::default();
        for one in all {
            values.add(&each(self, one));
        }
        values
    }
}

/// Whether it is this name, and no variable of the file.
pub(super) fn is_global<'a>(
    follow: &Follow<'a, '_>,
    file: usize,
    expression: &Expression<'a>,
    name: &str,
) -> bool {
    let Expression::Identifier(identifier) = plain(expression) else {
        return false;
    };
    let scoping = follow.files[file].scoping();
    identifier.name == name
        && identifier
            .reference_id
            .get()
            .is_none_or(|reference| scoping.get_reference(reference).symbol_id().is_none())
}

/// The last name of `a.b.c`.
pub(super) fn last_name<'e>(expression: &'e Expression<'_>) -> &'e str {
    match plain(expression) {
        Expression::Identifier(name) => name.name.as_str(),
        Expression::StaticMemberExpression(member) => member.property.name.as_str(),
        Expression::SequenceExpression(sequence) => sequence
            .expressions
            .last()
            .map_or("", |last| last_name(last)),
        _ => "",
    }
}

/// What a call of `require` may name.
pub(super) fn required<'a>(
    follow: &Follow<'a, '_>,
    file: usize,
    call: &'a CallExpression<'a>,
) -> Option<Vec<&'a str>> {
    let is_require = match plain(&call.callee) {
        // `module.require`.
        Expression::StaticMemberExpression(member) => {
            member.property.name == "require" && is_global(follow, file, &member.object, "module")
        }
        callee @ Expression::Identifier(name) => {
            is_global(follow, file, callee, "require")
                || follow.reference(file, name).known.contains(&Value::Require)
        }
        _ => false,
    };
    if !is_require {
        return None;
    }
    let argument = call.arguments.first()?.as_expression()?;
    follow.value(file, argument).texts()
}
