--- `:checkhealth dgls`
local status = require('dgls.status')

local M = {}

local INSTALL = 'see docs/install.md in its repository for how to install it'

--- Other plugins that show suggestions at the cursor or bind <Tab>, by their Lua module.
local OTHERS = {
  copilot = 'copilot.lua shows its own suggestions; turn one of the two off for a file type',
  supermaven_nvim = 'supermaven-nvim shows its own suggestions; turn one of the two off',
  ['blink.cmp'] = 'blink.cmp binds <Tab> in some presets; see docs/editors/README.md of dgls',
  cmp = 'nvim-cmp often binds <Tab>; see docs/editors/README.md of dgls',
}

--- The keys of `setup` by the modes that they are mapped in.
local MODES = {
  accept = { 'i' },
  accept_word = { 'i' },
  accept_line = { 'i' },
  next = { 'i' },
  fill = { 'n', 'x' },
  next_edit = { 'n', 'i' },
  dismiss_edit = { 'n', 'i' },
}

local function check_editor()
  if vim.fn.has('nvim-0.12') == 0 then
    vim.health.error('suggestions at the cursor need Neovim 0.12 or newer')
  elseif vim.lsp.inline_completion.is_enabled() then
    vim.health.ok(('Neovim %s shows suggestions at the cursor'):format(vim.version()))
  else
    vim.health.warn('inline completion is off, so dgls shows nothing', {
      "require('dgls').setup()",
      'vim.lsp.inline_completion.enable()',
    })
  end
end

local function check_program()
  local config = vim.lsp.config.dgls
  local program = config and type(config.cmd) == 'table' and config.cmd[1] or 'dgls'
  local path = vim.fn.exepath(program)
  if path == '' then
    vim.health.error(('"%s" is not on the PATH'):format(program), { INSTALL })
    return
  end
  local done = vim.system({ path, '--version' }, { text = true, timeout = 60000 }):wait()
  if done.code == 0 then
    vim.health.ok(('%s is %s'):format(vim.trim(done.stdout), path))
  else
    vim.health.error(('"%s --version" fails: %s'):format(path, vim.trim(done.stderr)), { INSTALL })
  end
end

--- Report the place of each copy of this plugin, if there are several.
local function check_copies()
  local copies = vim.api.nvim_get_runtime_file('lua/dgls/init.lua', true)
  if #copies > 1 then
    vim.health.warn('the plugin is on the runtimepath more than once; the first counts:', copies)
  end
end

---@return boolean # whether it runs
local function check_server()
  local client = vim.lsp.get_clients({ name = 'dgls' })[1]
  if client then
    local buffers = vim.tbl_count(client.attached_buffers)
    vim.health.ok(('the server runs in %d buffer%s'):format(buffers, buffers == 1 and '' or 's'))
    return true
  end
  local advice = { 'open a file of one of its file types', ':checkhealth vim.lsp' }
  if not vim.lsp.is_enabled('dgls') then
    table.insert(advice, 1, "require('dgls').setup()")
  end
  vim.health.warn('the server is not running', advice)
  return false
end

local function check_model()
  local report = status.report
  if not report then
    vim.health.warn('the server has not reported on its model yet', { 'wait a few seconds' })
    return
  end
  local line = report.line or report.state
  if report.state == 'failed' then
    vim.health.error(line, { 'run "dgls doctor" in a terminal' })
  elseif report.state == 'slow' then
    vim.health.warn(line, { 'run "dgls doctor --measure" in a terminal' })
  elseif report.state == 'off' then
    vim.health.warn(line, { ':DglsWhy in that buffer' })
  else
    vim.health.ok(line)
  end
end

--- Another mapping of a key in a mode, for all buffers or in one of dgls's.
---@return string? # nil if dgls has the key
local function other_mapping(key, mode)
  local global = vim.fn.maparg(key, mode, false, true)
  if not vim.startswith(global.desc or '', 'dgls') then
    return global.desc or global.rhs or (global.callback and 'a Lua function') or 'nothing'
  end
  for _, client in ipairs(vim.lsp.get_clients({ name = 'dgls' })) do
    for buffer in pairs(client.attached_buffers) do
      local here = vim.api.nvim_buf_call(buffer, function()
        return vim.fn.maparg(key, mode, false, true)
      end)
      if here.buffer == 1 then
        return ('%s, in buffer %d'):format(here.desc or here.rhs or 'a Lua function', buffer)
      end
    end
  end
end

---@return boolean # whether the key does what `setup` mapped it to, in each of its modes
local function check_key(name, key)
  for _, mode in ipairs(MODES[name]) do
    local other = other_mapping(key, mode)
    if other then
      vim.health.warn(('%s (%s, mode %s) is mapped to: %s'):format(key, name, mode, other), {
        ("setup({ keys = { %s = '...' } }) maps another key"):format(name),
        (':verbose %smap %s shows where that was mapped'):format(mode, key),
      })
      return false
    end
  end
  return true
end

local function check_keys()
  if vim.fn.exists(':DglsWhy') == 0 then
    vim.health.info("no key is mapped; require('dgls').setup() maps them")
    return
  end
  local mine = {}
  for name, key in vim.spairs(require('dgls').keys) do
    if key and check_key(name, key) then
      table.insert(mine, ('%s %s'):format(key, name))
    end
  end
  vim.health.ok('keys: ' .. (#mine > 0 and table.concat(mine, ', ') or 'none'))
end

--- Other sources of suggestions at the cursor.
local function check_others()
  for _, client in ipairs(vim.lsp.get_clients({ method = 'textDocument/inlineCompletion' })) do
    if client.name ~= 'dgls' then
      local off = 'vim.lsp.inline_completion.enable(false, { client_id = %d }) leaves it out'
      vim.health.warn(client.name .. ' suggests at the cursor too', { off:format(client.id) })
    end
  end
  for module, advice in vim.spairs(OTHERS) do
    if package.loaded[module] then
      vim.health.info(advice)
    end
  end
end

--- Report what is set up and what is missing.
function M.check()
  vim.health.start('dgls')
  check_editor()
  check_program()
  check_copies()
  if check_server() then
    vim.health.start('dgls: the model')
    check_model()
  end
  vim.health.start('dgls: keys, and other plugins')
  check_keys()
  check_others()
end

return M
